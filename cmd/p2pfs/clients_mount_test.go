//go:build linux

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/torrents"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// clientPatience is how long a real client may take on a busy machine:
// Transmission is not in its tracker's list before 14 s on an idle one.
const clientPatience = 90 * time.Second

// startClient starts a client that seeds or leeches.
type startClient = func(testing.TB, swarmtest.Run) *swarmtest.Client

// sums returns the SHA-256 of each file below root, by its path there.
func sums(root string) (map[string][sha256.Size]byte, error) {
	out := map[string][sha256.Size]byte{}
	return out, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		out[rel] = [sha256.Size]byte(h.Sum(nil))
		return nil
	})
}

// sumOf is the SHA-256 of a file.
func sumOf(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	all, err := sums(path)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %d files, %v", path, len(all), err)
	}
	return all["."]
}

// shows waits until a path of the mount, a file or directory, has the content
// of another one outside it.
func (m *mounted) shows(path, want string) {
	m.t.Helper()
	wanted, err := sums(want)
	if err != nil {
		m.t.Fatal(err)
	}
	within(m.t, clientPatience, func() error {
		got, err := sums(m.mnt(path))
		if err == nil && !maps.Equal(got, wanted) {
			err = fmt.Errorf("%s: %d files, not those wanted: %d", path, len(got), len(wanted))
		}
		return err
	})
}

// randomFile makes a file of random bytes, others for other names.
func randomFile(t *testing.T, path string, size int) string {
	t.Helper()
	seed := sha256.Sum256([]byte(filepath.Base(path)))
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
		os.WriteFile(path, swarmtest.Bytes(uint64(seed[0])<<8|uint64(seed[1]), size), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// infoHash reads the first infohash of a torrent file.
func infoHash(t *testing.T, torrent string) metainfo.Hash {
	t.Helper()
	m, err := torrents.ReadMetaInfo(torrent)
	if err != nil {
		t.Fatal(err)
	}
	return m.Info.InfoHashes()[0]
}

// seeded is a file that a client seeds, and its torrent.
type seeded struct {
	file, torrent, tracker string
	hash                   metainfo.Hash
}

func (s seeded) shown() string {
	return filepath.Join(tree.SpecialDir, tree.TorrentsDir, filepath.Base(s.file))
}
func (s seeded) magnet() string { return "magnet:?xt=urn:btih:" + s.hash.String() }

// TestMountFromClients reads torrents made by mktorrent through the mount,
// seeded by one client each, which is found through a tracker: from the
// torrent, and then from its bare magnet.
func TestMountFromClients(t *testing.T) {
	t.Parallel()
	needMount(t)
	ours := start(t, "tracker", "--listen", swarmtest.Host().String()+":0").line(t)
	theirs := swarmtest.Opentracker(t)
	var all []seeded
	for _, c := range []struct {
		name, tracker string
		seed          startClient
	}{
		{"transmission", theirs.URL, swarmtest.TransmissionSeed},
		{"libtorrent", theirs.URL, swarmtest.LibtorrentSeed},
		{"libtorrent too", ours, swarmtest.LibtorrentSeed},
		{"aria2", ours, swarmtest.Aria2Seed},
	} {
		s := seeded{file: randomFile(t, filepath.Join(t.TempDir(), c.name+".bin"), 1_500_000), tracker: c.tracker}
		s.torrent = swarmtest.Mktorrent(t, s.file, 16, c.tracker)
		s.hash = infoHash(t, s.torrent)
		if c.tracker == theirs.URL {
			theirs.Allow(t, s.hash)
		}
		c.seed(t, swarmtest.Run{Torrent: s.torrent, Dir: filepath.Dir(s.file)})
		all = append(all, s)
	}
	for _, s := range all {
		within(t, clientPatience, func() error { return s.inTracker() })
	}

	given := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start(all[0].torrent, all[1].torrent)
	runArgs(t, "add", given.mnt(), all[2].torrent).want(t, cli.ExitDone, "")
	runArgs(t, "add", given.mnt(), all[3].torrent).want(t, cli.ExitDone, "")
	for _, s := range all {
		given.shows(s.shown(), s.file)
	}
	given.stop() // what follows comes from the clients

	bare := newMounted(t, t.Name(), "bob", "--tracker", theirs.URL, "--tracker", ours).start(all[0].magnet(), all[3].magnet())
	runArgs(t, "add", bare.mnt(), all[1].magnet()).want(t, cli.ExitDone, "")
	runArgs(t, "add", bare.mnt(), all[2].magnet()).want(t, cli.ExitDone, "")
	for _, s := range all {
		bare.shows(s.shown(), s.file)
	}
}

// inTracker returns nil once the tracker lists who seeds.
func (s seeded) inTracker() error {
	sw, err := swarmtest.Scrape(s.tracker, s.hash)
	if err == nil && sw.Seeders == 0 {
		err = fmt.Errorf("%s: not listed by %s", s.file, s.tracker)
	}
	return err
}

// TestMountKinds reads torrents of each kind, made and seeded by libtorrent,
// from the torrent and from every form of magnet.
func TestMountKinds(t *testing.T) {
	t.Parallel()
	needMount(t)
	var files, dirs []string
	magnets := map[swarmtest.Kind]metainfo.Magnet{}
	tracker := start(t, "tracker", "--listen", swarmtest.Host().String()+":0").line(t)
	for _, kind := range swarmtest.Kinds {
		dir := filepath.Join(t.TempDir(), string(kind))
		for name, size := range map[string]int{"three pieces": 150_001, "sub/block": 16 << 10, "sub/piece": 64 << 10, "tiny": 1, "sub/deep/piece and one": 64<<10 + 1} {
			randomFile(t, filepath.Join(dir, name), size)
		}
		torrent, link := swarmtest.LibtorrentMake(t, kind, dir, 64<<10, tracker)
		c := swarmtest.LibtorrentSeed(t, swarmtest.Run{Torrent: torrent, Dir: filepath.Dir(dir)})
		m, err := metainfo.ParseMagnet(link)
		if err != nil {
			t.Fatal(err)
		}
		m.Trackers, m.Peers = nil, []string{c.Addr.String()}
		magnets[kind] = m
		files, dirs = append(files, torrent), append(dirs, dir)
	}
	anna := newMounted(t, t.Name(), "anna", "--no-embedded-tracker").start(files...)
	for i, dir := range dirs {
		anna.shows(filepath.Join(tree.SpecialDir, tree.TorrentsDir, string(swarmtest.Kinds[i])), dir)
	}
	half1, half2 := magnets[swarmtest.Hybrid], magnets[swarmtest.Hybrid]
	half1.HasV2, half2.HasV1 = false, false
	for _, tt := range []struct {
		name string
		kind swarmtest.Kind
		metainfo.Magnet
	}{
		{"v1", swarmtest.V1, magnets[swarmtest.V1]},
		{"v2", swarmtest.V2, magnets[swarmtest.V2]},
		{"hybrid", swarmtest.Hybrid, magnets[swarmtest.Hybrid]},
		{"btih of a hybrid", swarmtest.Hybrid, half1},
		{"btmh of a hybrid", swarmtest.Hybrid, half2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMounted(t, t.Name(), "bob", "--no-embedded-tracker").start(tt.String())
			for i, kind := range swarmtest.Kinds {
				if kind == tt.kind {
					m.shows(filepath.Join(tree.SpecialDir, tree.TorrentsDir, string(kind)), dirs[i])
				}
			}
		})
	}
}
