//go:build linux

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
// one's end, CPU seconds those of the seeder while they ran, for each GiB sent.
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
	before, began := seeder.CPU(), time.Now()
	var all []*swarmtest.Client
	for range leechers {
		dir := r.b.TempDir()
		defer os.RemoveAll(dir)
		all = append(all, swarmtest.LibtorrentLeech(r.b, swarmtest.Run{Torrent: r.torrent, Dir: dir, Settings: fast}))
	}
	for _, c := range all {
		c.WaitWhole(r.b, 3*time.Minute)
		c.Stop()
		r.check(filepath.Join(c.Dir, "payload.bin"))
	}
	return timed{seconds: time.Since(began).Seconds(), cpu: (seeder.CPU() - before) / time.Duration(leechers)}
}

// BenchmarkRivalsMount reads the file in order through a p2pfs mount whose cache
// is empty, from one libtorrent seeder, and through rclone's mount of an HTTP
// server on this machine; then once more, and from the local disk.
func BenchmarkRivalsMount(b *testing.B) {
	r := newRivals(b)
	swarmtest.Need(b, "rclone")
	r.create("v1", "1MiB")
	url := r.http()
	cold, warm := map[string][]timed{}, map[string][]timed{}
	for range *rivalRounds {
		seeder := r.seed("libtorrent")
		dir, own := b.TempDir(), b.TempDir()
		p := swarmtest.Start(b, "", r.bin, append([]string{"mount", "--share", b.TempDir(), "--cache", own, "--no-embedded-tracker", dir, r.torrent}, r.own(r.addr())...)...)
		r.readTwice("p2pfs", p, filepath.Join(dir, ".p2pfs", "torrents", "payload.bin"), cold, warm)
		seeder.Stop()

		dir = b.TempDir()
		p = swarmtest.Start(b, "", "rclone", "mount", ":http:", dir, "--http-url", url, "--read-only", "--vfs-cache-mode", "full", "--cache-dir", b.TempDir())
		r.readTwice("rclone", p, filepath.Join(dir, "payload.bin"), cold, warm)

		warm["local disk"] = append(warm["local disk"], r.read(filepath.Join(r.dir, "payload.bin")))
	}
	r.table("mount, cold", cold)
	r.table("mount, read again", warm)
}

// http serves the file over loopback.
func (r *rivals) http() string {
	r.b.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(swarmtest.Host().String(), "0"))
	if err != nil {
		r.b.Fatal(err)
	}
	s := &http.Server{Handler: http.FileServer(http.Dir(r.dir))}
	go s.Serve(l)
	r.b.Cleanup(func() { s.Shutdown(context.Background()) })
	return "http://" + l.Addr().String() + "/"
}

// readTwice reads a file of a mount, twice, and unmounts it.
func (r *rivals) readTwice(name string, p *swarmtest.Process, path string, cold, warm map[string][]timed) {
	r.b.Helper()
	mount := filepath.Dir(path)
	if name == "p2pfs" {
		mount = filepath.Dir(filepath.Dir(mount))
	}
	defer unix.Unmount(mount, unix.MNT_DETACH)
	within(r.b, time.Minute, func() error { _, err := os.Stat(path); return err })
	before := p.CPU()
	res := r.read(path)
	res.cpu, res.anon = p.CPU()-before, swarmtest.Anonymous(p.Pid())
	cold[name] = append(cold[name], res)
	warm[name] = append(warm[name], r.read(path))
	r.check(path)
	p.Stop()
}

// read reads a file in order, a megabyte at a time.
func (r *rivals) read(path string) timed {
	r.b.Helper()
	f, err := os.Open(path)
	if err != nil {
		r.b.Fatal(err)
	}
	defer f.Close()
	began, buf := time.Now(), make([]byte, 1<<20)
	for {
		if _, err := io.ReadFull(f, buf); err == io.EOF || err == io.ErrUnexpectedEOF {
			return timed{seconds: time.Since(began).Seconds()}
		} else if err != nil {
			r.b.Fatal(err)
		}
	}
}
