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
// is empty, from one seeder, libtorrent or p2pfs, and through rclone's mount of
// an HTTP server on this machine; then once more, and from the local disk. Read
// again is by read and by mmap, each from the first byte to the last.
func BenchmarkRivalsMount(b *testing.B) {
	r := newRivals(b)
	swarmtest.Need(b, "rclone")
	r.create("v1", "1MiB")
	url := r.http()
	t := mountTimes{cold: map[string][]timed{}, warm: map[string][]timed{}, mapped: map[string][]timed{}}
	for range *rivalRounds {
		for _, from := range []string{"libtorrent", "p2pfs"} {
			seeder := r.seed(from)
			dir := b.TempDir()
			args := []string{"mount", "--share", b.TempDir(), "--cache", b.TempDir(), "--no-embedded-tracker", dir, r.torrent}
			p := swarmtest.Start(b, "", r.bin, append(args, r.own(r.addr())...)...)
			name := "p2pfs"
			if from == "p2pfs" {
				name = "p2pfs from p2pfs"
			}
			r.mounted(name, p, dir, filepath.Join(dir, ".p2pfs", "torrents", "payload.bin"), t)
			seeder.Stop()
		}
		dir := b.TempDir()
		p := swarmtest.Start(b, "", "rclone", "mount", ":http:", dir, "--http-url", url, "--read-only", "--vfs-cache-mode", "full", "--cache-dir", b.TempDir())
		r.mounted("rclone", p, dir, filepath.Join(dir, "payload.bin"), t)
		t.again("local disk", r, filepath.Join(r.dir, "payload.bin"))
	}
	r.table("mount, cold", t.cold)
	r.table("mount, read again", t.warm)
	r.table("mount, mapped again", t.mapped)
}

// mountTimes are the runs of BenchmarkRivalsMount by program.
type mountTimes struct{ cold, warm, mapped map[string][]timed }

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

// mounted reads the file at path in the mount of p on dir, cold and again, and
// ends p.
func (r *rivals) mounted(name string, p *swarmtest.Process, dir, path string, t mountTimes) {
	r.b.Helper()
	defer unix.Unmount(dir, unix.MNT_DETACH)
	within(r.b, time.Minute, func() error { _, err := os.Stat(path); return err })
	before := p.CPU()
	res := r.read(path)
	res.cpu, res.anon = p.CPU()-before, swarmtest.Anonymous(p.Pid())
	t.cold[name] = append(t.cold[name], res)
	t.again(name, r, path)
	r.check(path)
	p.Stop()
}

// again reads a file that the kernel has in its pages.
func (t mountTimes) again(name string, r *rivals, path string) {
	r.b.Helper()
	t.warm[name] = append(t.warm[name], r.read(path))
	t.mapped[name] = append(t.mapped[name], r.readMapped(path))
}

// readMapped is read by way of a mapping.
func (r *rivals) readMapped(path string) timed {
	r.b.Helper()
	f, err := os.Open(path)
	if err != nil {
		r.b.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, int(*rivalSize), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		r.b.Fatal(err)
	}
	defer unix.Munmap(m)
	left := m
	began, buf := time.Now(), make([]byte, 1<<20)
	for len(left) > 0 {
		left = left[copy(buf, left):]
	}
	return timed{seconds: time.Since(began).Seconds()}
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
