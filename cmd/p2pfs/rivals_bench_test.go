//go:build linux

package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

var (
	rivalSize   = flag.Int64("rivals.size", 256<<20, "bytes of the file of BenchmarkRivals")
	rivalRounds = flag.Int("rivals.rounds", 3, "rounds of BenchmarkRivals; the table tells medians")
)

// rivals is what BenchmarkRivals works with: a file, its torrent, and the built
// program, which is measured as the others are: from outside.
type rivals struct {
	b       *testing.B
	dir     string // of the file
	bin     string
	sum     [32]byte
	torrent string
}

// fast are settings without which libtorrent is slower than it can be.
var fast = map[string]any{
	"alert_mask": 0x51, "unchoke_slots_limit": -1, "max_allowed_in_request_queue": 10000,
	"max_out_request_queue": 2000, "request_queue_time": 3, "send_buffer_watermark": 8 << 20,
	"send_buffer_low_watermark": 256 << 10, "send_buffer_watermark_factor": 200, "max_queued_disk_bytes": 64 << 20,
	"aio_threads": 4,
}

func newRivals(b *testing.B) *rivals {
	b.Helper()
	swarmtest.Need(b, "libtorrent", "aria2c", "rtorrent", "opentracker")
	r := &rivals{b: b, dir: b.TempDir(), bin: filepath.Join(b.TempDir(), "p2pfs")}
	if out, err := exec.Command("go", "build", "-o", r.bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	f, err := os.Create(filepath.Join(r.dir, "payload.bin"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	for off := int64(0); off < *rivalSize; off += 1 << 20 {
		part := swarmtest.Bytes(uint64(off), int(min(1<<20, *rivalSize-off)))
		h.Write(part)
		if _, err := f.Write(part); err != nil {
			b.Fatal(err)
		}
	}
	h.Sum(r.sum[:0])
	return r
}

// in is r for a part of the benchmark.
func (r *rivals) in(b *testing.B) *rivals {
	part := *r
	part.b = b
	return &part
}

// create makes the torrent, and a tracker for it.
func (r *rivals) create(format, pieceLength string) {
	r.b.Helper()
	tr := swarmtest.Opentracker(r.b)
	r.torrent = filepath.Join(r.b.TempDir(), pieceLength+".torrent")
	r.make(r.torrent, "--format", format, "--piece-length", pieceLength, "--tracker", tr.URL)
	data, err := os.ReadFile(r.torrent)
	if err != nil {
		r.b.Fatal(err)
	}
	m, err := metainfo.Parse(data)
	if err != nil {
		r.b.Fatal(err)
	}
	tr.Allow(r.b, m.Info.InfoHashes()[0])
}

// make makes a torrent of the file with p2pfs create and flags of that.
func (r *rivals) make(torrent string, flags ...string) {
	r.b.Helper()
	args := append([]string{"create", filepath.Join(r.dir, "payload.bin"), "-o", torrent}, flags...)
	if out, err := exec.Command(r.bin, args...).CombinedOutput(); err != nil {
		r.b.Fatalf("%v: %s", err, out)
	}
}

// own are the flags of a p2pfs of its own.
func (r *rivals) own(addr netip.AddrPort) []string {
	return []string{"--listen", addr.String(), "--state", r.b.TempDir(), "--no-lsd"}
}

func (r *rivals) addr() netip.AddrPort {
	host := swarmtest.Host()
	return netip.AddrPortFrom(host, swarmtest.FreePorts(r.b, host, 1))
}

// warm has the kernel free as much memory as a run needs, so that each finds
// such as was in use a moment ago. On virtual machines other memory has first
// to be got back from the host, which takes longer than a download, and the
// first to run would pay for all.
func (r *rivals) warm() {
	r.b.Helper()
	f, err := os.CreateTemp(r.b.TempDir(), "warm")
	if err != nil {
		r.b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	part := make([]byte, 1<<20)
	for n := int64(0); n < 5**rivalSize/2; n += int64(len(part)) {
		if _, err := f.Write(part); err != nil {
			r.b.Fatal(err)
		}
	}
}

// timed is what one run took.
type timed struct {
	seconds float64
	cpu     time.Duration // of the program that is measured
	anon    int64         // bytes, at most, of anonymous memory; p2pfs only
}

// leech fetches the file with a program.
func (r *rivals) leech(name string) timed {
	r.b.Helper()
	run := swarmtest.Run{Torrent: r.torrent, Dir: r.b.TempDir(), Settings: fast}
	os.Chmod(run.Dir, 0o777)
	r.warm()
	began := time.Now()
	var res timed
	var p *swarmtest.Process
	if name == "p2pfs" {
		p = swarmtest.Start(r.b, "", r.bin, append([]string{"get", r.torrent, "-o", run.Dir}, r.own(r.addr())...)...)
		res.anon = peakAnon(p)
	} else {
		c := map[string]func(testing.TB, swarmtest.Run) *swarmtest.Client{
			"libtorrent": swarmtest.LibtorrentLeech, "aria2": swarmtest.Aria2Leech, "rtorrent": swarmtest.RtorrentLeech,
		}[name](r.b, run)
		c.WaitWhole(r.b, 3*time.Minute)
		p = c.Process
	}
	res.seconds, res.cpu = time.Since(began).Seconds(), p.CPU()
	p.Stop()
	r.check(filepath.Join(run.Dir, "payload.bin"))
	os.RemoveAll(run.Dir)
	return res
}

// seed starts a seeder, which has announced itself when this returns.
func (r *rivals) seed(name string) *swarmtest.Process {
	r.b.Helper()
	run := swarmtest.Run{Torrent: r.torrent, Dir: r.dir, Settings: fast}
	if name != "p2pfs" {
		return map[string]func(testing.TB, swarmtest.Run) *swarmtest.Client{
			"libtorrent": swarmtest.LibtorrentSeed, "aria2": swarmtest.Aria2Seed, "rtorrent": swarmtest.RtorrentSeed,
		}[name](r.b, run).Process
	}
	args := append([]string{"seed", r.torrent, "--data", r.dir, "--log-level", "debug"}, r.own(r.addr())...)
	p := swarmtest.Start(r.b, "", r.bin, args...)
	within(r.b, time.Minute, func() error {
		if !strings.Contains(p.Log(), "msg=announced") {
			return fmt.Errorf("seed says: %s", p.Log())
		}
		return nil
	})
	return p
}

// check compares a file with what was shared.
func (r *rivals) check(path string) {
	r.b.Helper()
	f, err := os.Open(path)
	if err != nil {
		r.b.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil || !bytes.Equal(h.Sum(nil), r.sum[:]) {
		r.b.Fatalf("%s is not what was shared: %v", path, err)
	}
}

// peakAnon waits for a program to end and returns the most anonymous memory it
// had, in bytes.
func peakAnon(p *swarmtest.Process) (peak int64) {
	for {
		select {
		case <-p.Done():
			return peak
		case <-time.After(20 * time.Millisecond):
			peak = max(peak, swarmtest.Anonymous(p.Pid()))
		}
	}
}

// ours tells whether name is that of a p2pfs.
func ours(name string) bool { return strings.HasPrefix(name, "p2pfs") }

// table prints medians, and those of p2pfs against the best of the others.
func (r *rivals) table(title string, runs map[string][]timed) {
	r.b.Helper()
	mib := float64(*rivalSize) / (1 << 20)
	speed, cpu := map[string]float64{}, map[string]float64{}
	best, cheapest := 0.0, math.Inf(1)
	for name, rs := range runs {
		speed[name] = mib / medianOf(rs, func(r timed) float64 { return r.seconds })
		cpu[name] = medianOf(rs, func(r timed) float64 { return r.cpu.Seconds() }) / mib * 1024
		if !ours(name) {
			best, cheapest = max(best, speed[name]), min(cheapest, cpu[name])
		}
	}
	names := slices.SortedFunc(maps.Keys(runs), func(a, b string) int { return cmp.Compare(speed[b], speed[a]) })
	out := new(strings.Builder)
	for _, name := range names {
		fmt.Fprintf(out, "\n%-20s %7.1f MiB/s %6.2f CPU s/GiB", name, speed[name], cpu[name])
		if !ours(name) {
			continue
		}
		if anon := medianOf(runs[name], func(r timed) float64 { return float64(r.anon >> 20) }); anon > 0 {
			fmt.Fprintf(out, " %5.0f MiB anonymous", anon)
		}
		if best > 0 {
			fmt.Fprintf(out, " %5.2f x the fastest", speed[name]/best)
		}
	}
	fmt.Printf("%s, %.0f MiB:%s\n", title, mib, out) // a benchmark logs ten lines at most
	if best > 0 {
		r.b.ReportMetric(speed["p2pfs"]/best, "x-speed")
	}
	if cheapest > 0 && best > 0 {
		r.b.ReportMetric(cpu["p2pfs"]/cheapest, "x-CPU")
	}
	r.b.ReportMetric(0, "ns/op")
}

func medianOf(rs []timed, of func(timed) float64) float64 {
	var all []float64
	for _, r := range rs {
		all = append(all, of(r))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
