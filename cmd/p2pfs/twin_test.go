//go:build linux

package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/torrents"
	"p2pfs/swarm/swarmtest"
)

// TestReadFromV1Swarm reads a shared file whose member has gone, and which an
// ordinary client seeds as the v1 torrent that was exported.
func TestReadFromV1Swarm(t *testing.T) {
	for _, tt := range []struct {
		name   string
		size   int
		before int // bytes read from the member, who then goes
	}{
		{"one piece", 60_000, 0},
		{"no piece layer", 300_000, 0},
		{"piece layer known", 300_000, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			far := newMounted(t, t.Name(), "far").start()
			near := newMounted(t, t.Name(), "near", "--tracker", far.tracker()).start()
			data := swarmtest.Bytes(11, tt.size)
			far.write("file.bin", data)
			within(t, patience, func() error { _, err := os.Stat(near.mnt("file.bin")); return err })
			if tt.before > 0 {
				readSome(t, near.mnt("file.bin"), data[:tt.before])
				within(t, patience, near.knowsLayers)
			}
			dir := t.TempDir()
			torrent := filepath.Join(dir, "x.torrent")
			runArgs(t, "export", far.mnt("file.bin"), "-o", torrent).want(t, cli.ExitDone, "")
			far.stop() // and with it the tracker
			tracker := start(t, "tracker", "--listen", swarmtest.Host().String()+":0").line(t)
			if err := os.WriteFile(filepath.Join(dir, "file.bin"), data, 0o644); err != nil {
				t.Fatal(err)
			}
			swarmtest.LibtorrentSeed(t, swarmtest.Run{Torrent: retracked(t, torrent, tracker), Dir: dir})
			near.stop()
			near.flags = []string{"--tracker", tracker}
			near.start()
			near.sees("file.bin", data)
		})
	}
}

// readSome reads the beginning of a file.
func readSome(t *testing.T, path string, want []byte) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(want))
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %v, or other bytes", path, err)
	}
}

// knowsLayers returns nil once the metadata of a file is kept.
func (m *mounted) knowsLayers() error {
	names, err := filepath.Glob(m.base + "/state/torrents/*.torrent")
	if err == nil && len(names) == 0 {
		err = os.ErrNotExist
	}
	return err
}

// retracked is the torrent with another tracker.
func retracked(t *testing.T, torrent, tracker string) string {
	t.Helper()
	m, err := torrents.ReadMetaInfo(torrent)
	if err != nil {
		t.Fatal(err)
	}
	m.Trackers = [][]string{{tracker}}
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "y.torrent")
	if err := os.WriteFile(out, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestServeV1OfCached has an ordinary client fetch the v1 torrent of a shared
// file from a member who has read it, when who shared it has gone.
func TestServeV1OfCached(t *testing.T) {
	t.Parallel()
	far := newMounted(t, t.Name(), "far").start()
	near := newMounted(t, t.Name(), "near", "--tracker", far.tracker()).start()
	data := swarmtest.Bytes(12, 300_000)
	far.write("file.bin", data)
	near.sees("file.bin", data)
	within(t, patience, near.knowsLayers)
	torrent := filepath.Join(t.TempDir(), "x.torrent")
	runArgs(t, "export", far.mnt("file.bin"), "-o", torrent).want(t, cli.ExitDone, "")
	far.stop()
	for _, again := range []bool{false, true} {
		if again {
			near.stop()
			near.start()
		}
		fetched := func(what string) {
			c := swarmtest.LibtorrentLeech(t, swarmtest.Run{Torrent: what, Peers: near.listens()})
			c.WaitWhole(t, clientPatience)
			if got, err := os.ReadFile(filepath.Join(c.Dir, "file.bin")); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s, again %t: %d bytes, %v", what, again, len(got), err)
			}
		}
		fetched(torrent)
		r := runArgs(t, "magnet", near.mnt("file.bin"))
		r.want(t, cli.ExitDone, "magnet:?xt=urn:btih")
		fetched(firstLine(r.stdout))
	}
}

// listens is where the member can be dialled.
func (m *mounted) listens() []netip.AddrPort {
	m.t.Helper()
	at, err := netip.ParseAddrPort(status(m.t, m).Listen)
	if err != nil {
		m.t.Fatal(err)
	}
	return []netip.AddrPort{at}
}

func firstLine(s string) string { return strings.SplitN(s, "\n", 2)[0] }
