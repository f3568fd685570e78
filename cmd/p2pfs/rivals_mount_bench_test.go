//go:build linux

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/swarmtest"
)

// BenchmarkRivalsMount reads the file in order through a p2pfs mount whose cache
// is empty, from one seeder, libtorrent or p2pfs, and through rclone's mount of
// an HTTP server on this machine; then once more, and from the local disk; and
// for eight seconds through btfs. Read
// again is by read and by mmap, each from the first byte to the last.
func BenchmarkRivalsMount(b *testing.B) {
	r := newRivals(b)
	swarmtest.Need(b, "rclone", "btfs")
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
		t.cold["btfs"] = append(t.cold["btfs"], r.btfs())
	}
	r.table("mount, cold", t.cold)
	r.table("mount, read again", t.warm)
	r.table("mount, mapped again", t.mapped)
}

// btfs reads through btfs for some seconds. It is in a network of its own,
// because it talks to the whole world, and dialled by its seeder, which it does
// not find by a tracker there.
func (r *rivals) btfs() timed {
	r.b.Helper()
	machine, dir := swarmtest.NewNetns(r.b), r.b.TempDir()
	torrent := filepath.Join(r.b.TempDir(), "bare.torrent")
	r.make(torrent, "--format", "v1", "--piece-length", "1MiB")
	port := strconv.Itoa(btfsPort)
	p := machine.Start(r.b, "btfs", "-f", "--min-port="+port, "--max-port="+port, torrent, dir)
	defer p.Stop()
	defer unix.Unmount(dir, unix.MNT_DETACH)
	seeder := swarmtest.LibtorrentSeed(r.b, swarmtest.Run{
		Torrent: torrent, Dir: r.dir, Settings: fast, Under: machine.Enter(),
		Addr:  netip.AddrPortFrom(loopback, btfsPort+1),
		Peers: []netip.AddrPort{netip.AddrPortFrom(loopback, btfsPort)},
	})
	defer seeder.Stop()
	path := filepath.Join(dir, "payload.bin")
	within(r.b, time.Minute, func() error { _, err := os.Stat(path); return err })
	r.warm()
	before := p.CPU()
	res, bytes := r.readFor(8*time.Second, path)
	whole := float64(*rivalSize) / float64(bytes)
	return timed{seconds: res.seconds * whole, cpu: time.Duration(float64(p.CPU()-before) * whole)}
}

// loopback and btfsPort are where btfs listens in its own network.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

const btfsPort = 7100

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
	r.warm()
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
	res, n := r.readFor(time.Hour, path)
	if n != *rivalSize {
		r.b.Fatalf("%s: %d bytes", path, n)
	}
	return res
}

// readFor is read of as much as comes before limit; n is how much that was.
func (r *rivals) readFor(limit time.Duration, path string) (res timed, n int64) {
	r.b.Helper()
	f, err := os.Open(path)
	if err != nil {
		r.b.Fatal(err)
	}
	defer f.Close()
	began, buf := time.Now(), make([]byte, 1<<20)
	for err == nil && time.Since(began) < limit {
		var k int
		k, err = io.ReadFull(f, buf)
		n += int64(k)
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		r.b.Fatal(err)
	}
	return timed{seconds: time.Since(began).Seconds()}, n
}
