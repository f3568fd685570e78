//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestGetSelected fetches from libtorrent the files that a magnet chooses (so=,
// BEP 53), and no others.
func TestGetSelected(t *testing.T) {
	t.Parallel()
	for _, kind := range swarmtest.Kinds {
		tor := swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "dir", Files: []swarmtest.File{
			{Path: "a", Data: swarmtest.Bytes(1, 64<<10)}, {Path: "b", Data: swarmtest.Bytes(2, 128<<10)},
			{Path: "c", Data: swarmtest.Bytes(3, 64<<10)}, {Path: "d", Data: swarmtest.Bytes(4, 100_000)},
		}})
		dir := t.TempDir()
		tor.WritePayload(t, dir)
		seeder := swarmtest.LibtorrentSeed(t, swarmtest.Run{Torrent: tor.WriteTorrent(t, t.TempDir()), Dir: dir}).Addr.String()
		for chosen, want := range map[string][]int{"0,3": {0, 3}, "1-2": {1, 2}, "2,7-9": {2}} {
			t.Run(string(kind)+" "+chosen, func(t *testing.T) {
				out := t.TempDir()
				r := runArgs(t, append([]string{"get", tor.Magnet(seeder) + "&so=" + chosen, "-o", out}, own(t)...)...)
				r.want(t, cli.ExitDone, "verified")
				var left []int
				for i, f := range tor.Files {
					got, err := os.ReadFile(filepath.Join(out, "dir", f.Path))
					if err == nil && string(got) == string(f.Data) {
						left = append(left, i)
					} else if !os.IsNotExist(err) {
						t.Errorf("%s: %d bytes, %v, want all or none", f.Path, len(got), err)
					}
				}
				if len(left) != len(want) || left[0] != want[0] || left[len(left)-1] != want[len(want)-1] {
					t.Errorf("got files %v, want %v", left, want)
				}
			})
		}
		t.Run(string(kind)+" none", func(t *testing.T) {
			args := []string{"get", tor.Magnet(seeder) + "&so=4-9", "-o", t.TempDir()}
			runArgs(t, append(args, own(t)...)...).want(t, cli.ExitFailed, "chooses none of the torrent's 4 files")
		})
	}
}

// TestPrivate fetches a private torrent, from the file and through the mount: it
// is announced to its own tracker only, whatever --tracker says (BEP 27).
func TestPrivate(t *testing.T) {
	t.Parallel()
	needMount(t)
	tracker := func() string { return start(t, "tracker", "--listen", swarmtest.Host().String()+":0").line(t) }
	its, other := tracker(), tracker()
	file := randomFile(t, filepath.Join(t.TempDir(), "secret.bin"), 300_000)
	torrent := filepath.Join(t.TempDir(), "x.torrent")
	runArgs(t, "create", file, "-o", torrent, "--private", "--tracker", its).want(t, cli.ExitDone, "")
	swarmtest.LibtorrentSeed(t, swarmtest.Run{Torrent: torrent, Dir: filepath.Dir(file)})
	hash := infoHash(t, torrent)

	m := newMounted(t, t.Name(), "anna", "--tracker", other).start(torrent)
	m.shows(filepath.Join(tree.SpecialDir, tree.TorrentsDir, "secret.bin"), file)
	out := t.TempDir()
	seed := start(t, append([]string{"get", torrent, "-o", out, "--seed", "--tracker", other}, own(t)...)...)
	seed.line(t)
	if sumOf(t, filepath.Join(out, "secret.bin")) != sumOf(t, file) {
		t.Error("got other bytes")
	}
	link := metainfo.Magnet{HasV1: true, V1: hash, Trackers: []string{its}}
	bare := newMounted(t, t.Name(), "bob", "--tracker", other).start(link.String())
	bare.shows(filepath.Join(tree.SpecialDir, tree.TorrentsDir, "secret.bin"), file)

	for _, tt := range []struct {
		url  string
		want int
	}{{its, 4}, {other, 0}} {
		within(t, patience, func() error {
			s, err := swarmtest.Scrape(tt.url, hash)
			if err == nil && s.Seeders+s.Leechers != tt.want {
				err = fmt.Errorf("%s lists %+v, want %d", tt.url, s, tt.want)
			}
			return err
		})
	}
	r := runArgs(t, "magnet", m.mnt(tree.SpecialDir, tree.TorrentsDir, "secret.bin"))
	r.want(t, cli.ExitDone, link.V1.String())
	if got, err := metainfo.ParseMagnet(strings.TrimSpace(r.stdout)); err != nil || !slices.Equal(got.Trackers, link.Trackers) || got.Peers != nil {
		t.Errorf("%s: want its tracker and no address", r.stdout)
	}
}
