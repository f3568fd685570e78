//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// BenchmarkRivalsGet downloads with each program in turn from one libtorrent
// seeder, found by a tracker, and with p2pfs from p2pfs. Seconds are from start
// to done.
func BenchmarkRivalsGet(b *testing.B) {
	r := newRivals(b)
	names := []string{"libtorrent", "aria2", "rtorrent", "p2pfs"}
	for _, piece := range []string{"1MiB", "256KiB"} {
		b.Run(piece, func(b *testing.B) {
			r := r.in(b)
			r.create("v1", piece)
			runs := map[string][]timed{}
			for round := range *rivalRounds {
				for i := range names {
					name := names[(i+round)%len(names)]
					seeder := r.seed("libtorrent")
					runs[name] = append(runs[name], r.leech(name))
					seeder.Stop()
				}
			}
			r.table("get from libtorrent, pieces of "+piece, runs)
		})
	}
	for _, format := range []string{"v1", "v2"} {
		b.Run("p2pfs-to-p2pfs/"+format, func(b *testing.B) {
			r := r.in(b)
			r.create(format, "1MiB")
			runs := map[string][]timed{}
			for range *rivalRounds {
				seeder := r.seed("p2pfs")
				runs["p2pfs"] = append(runs["p2pfs"], r.leech("p2pfs"))
				seeder.Stop()
			}
			r.table("get from p2pfs, "+format, runs)
		})
	}
}

// BenchmarkRivalsSeed serves one libtorrent leecher, and eight at once, with
// each program in turn. Seconds are from the first leecher's start to the last
// one's last piece, CPU seconds those of the seeder meanwhile, for each GiB sent.
func BenchmarkRivalsSeed(b *testing.B) {
	r := newRivals(b)
	names := []string{"libtorrent", "aria2", "rtorrent", "p2pfs"}
	for title, leechers := range map[string]int{"one": 1, "eight": 8} {
		b.Run(title, func(b *testing.B) {
			r := r.in(b)
			r.create("v1", "1MiB")
			runs := map[string][]timed{}
			for round := range *rivalRounds {
				for i := range names {
					name := names[(i+round)%len(names)]
					runs[name] = append(runs[name], r.serve(name, leechers))
				}
			}
			r.table("seeding to "+title+" libtorrent", runs)
		})
	}
}

// serve seeds to leechers that arrive together.
func (r *rivals) serve(name string, leechers int) timed {
	r.b.Helper()
	seeder := r.seed(name)
	defer seeder.Stop()
	r.warm()
	before, began := seeder.CPU(), time.Now()
	var all []*swarmtest.Client
	for range leechers {
		dir := r.b.TempDir()
		defer os.RemoveAll(dir)
		all = append(all, swarmtest.LibtorrentLeech(r.b, swarmtest.Run{Torrent: r.torrent, Dir: dir, Settings: fast}))
	}
	for _, c := range all {
		c.WaitVerified(r.b, 3*time.Minute)
	}
	res := timed{seconds: time.Since(began).Seconds(), cpu: (seeder.CPU() - before) / time.Duration(leechers)}
	for _, c := range all {
		c.WaitWhole(r.b, time.Minute)
		r.check(filepath.Join(c.Dir, "payload.bin"))
	}
	return res
}
