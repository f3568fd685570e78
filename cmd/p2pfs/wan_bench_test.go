//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"p2pfs/fs/mounting"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/swarmtest"
)

// wanRTT and wanRate are the link of the benchmarks: 50 ms and 10 Mbit/s.
const (
	wanRTT  = 50 * time.Millisecond
	wanRate = 10_000_000 / 8 // bytes a second
)

// wan is a member that shares files, and a link to it. Others see it at the
// link's near end only.
type wan struct {
	b    *testing.B
	far  *mounted
	link *swarmtest.Link
	via  netip.AddrPort
	near int // members that were mounted at this end
}

// newWAN mounts the member at the far end; fill puts files into its share
// directory. It returns once they are published.
func newWAN(b *testing.B, fill func(share string), files int64) *wan {
	b.Helper()
	w := &wan{b: b, far: newMounted(b, b.Name(), "far", "--no-embedded-tracker")}
	fill(w.far.share(""))
	w.far.start()
	within(b, 10*time.Minute, func() error {
		if s := status(b, w.far).Sharing; s.Files < files || s.Hashing > 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	at, err := netip.ParseAddrPort(status(b, w.far).Listen)
	if err != nil {
		b.Fatal(err)
	}
	// The near end listens on the far end's port: it is there that members are
	// told to find it.
	w.link = swarmtest.NewLink(swarmtest.Shape{Delay: wanRTT / 2, Rate: wanRate})
	w.via = w.link.TCP(b, netip.AddrPortFrom(swarmtest.Host(), at.Port()), at)
	return w
}

// open mounts a member at the near end, with an empty cache, and returns when
// it sees a file. The caller stops it.
func (w *wan) open(path string) *mounted {
	w.b.Helper()
	w.near++
	m := newMounted(w.b, w.b.Name(), fmt.Sprint("near", w.near), "--no-embedded-tracker", "--peer", w.via.String())
	m.start()
	within(w.b, time.Minute, func() error { _, err := os.Stat(m.mnt(path)); return err })
	return m
}

// close ends a member at the near end, and gives its disk back.
func (w *wan) close(m *mounted) {
	w.b.Helper()
	m.stop()
	mounting.Unmount(m.mnt(), true)
	os.RemoveAll(m.base + "/cache")
}

// sparseFile makes a file of zeros that takes no room.
func sparseFile(tb testing.TB, path string, size int64) {
	tb.Helper()
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// median is the middle one of some times, in milliseconds.
func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// BenchmarkMountWAN opens a shared file of 4 GiB that nothing is here of, and
// reads 4 KiB here and there of it, a thousand times.
func BenchmarkMountWAN(b *testing.B) {
	const size, reads = 4 << 30, 1000
	w := newWAN(b, func(share string) { sparseFile(b, share+"/f", size) }, 1)
	var first, rest []time.Duration
	var fetched int64
	for b.Loop() {
		m := w.open("f")
		_, before := w.link.Bytes()
		first = append(first, readAt(b, m.mnt("f"), []int64{rand.Int64N(size - 4096)})...)
		_, after := w.link.Bytes()
		b.ReportMetric(float64(after-before)/1024, "KiB/open")
		offs := make([]int64, reads)
		for i := range offs {
			offs[i] = rand.Int64N(size-4096) &^ 4095
		}
		rest = append(rest, readAt(b, m.mnt("f"), offs)...)
		_, end := w.link.Bytes()
		fetched += end - after
		w.close(m)
	}
	b.ReportMetric(median(first), "ms/open")
	b.ReportMetric(median(rest)/float64(wanRTT.Milliseconds()), "RTT/read")
	b.ReportMetric(float64(rest[len(rest)*99/100])/float64(wanRTT), "RTT/read-p99")
	b.ReportMetric(float64(fetched)/float64(len(rest))/hashing.BlockSize, "blocks/read")
}

// readAt opens a file, reads 4 KiB at each offset, which must be zeros, and
// returns how long each took. The first time begins before the open.
func readAt(b *testing.B, path string, offs []int64) (took []time.Duration) {
	b.Helper()
	buf := make([]byte, 4096)
	at := time.Now()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, off := range offs {
		if _, err := f.ReadAt(buf, off); err != nil || !bytes.Equal(buf, make([]byte, 4096)) {
			b.Fatalf("at %d: %v", off, err)
		}
		took = append(took, time.Since(at))
		at = time.Now()
	}
	return took
}

// BenchmarkMountSQLite has sqlite3 look up 100 keys all over a database of
// 1 GiB of which nothing is here: 200 scattered pages, because each row fills a
// page of 4 KiB that an inner page of its own names.
func BenchmarkMountSQLite(b *testing.B) {
	const rows, queried = 265_000, 100
	swarmtest.Need(b, "sqlite3")
	w := newWAN(b, func(share string) { makeDatabase(b, share+"/db", rows) }, 1)
	var keys []string
	for i := range queried {
		keys = append(keys, strconv.Itoa(1+(i*rows/queried+rand.IntN(rows/queried))))
	}
	query := "select count(*), sum(length(body)) from t where id in (" + strings.Join(keys, ",") + ")"
	for b.Loop() {
		m := w.open("db")
		_, before := w.link.Bytes()
		began := time.Now()
		out, err := exec.Command("sqlite3", "file:"+m.mnt("db")+"?mode=ro&immutable=1", query).CombinedOutput()
		took := time.Since(began)
		if want := fmt.Sprintf("%d|%d\n", queried, queried*3000); err != nil || string(out) != want {
			b.Fatalf("got %q, %v, want %q", out, err, want)
		}
		_, after := w.link.Bytes()
		b.ReportMetric(took.Seconds(), "s/query")
		b.ReportMetric(float64(after-before)/hashing.BlockSize/(2*queried), "blocks/page")
		w.close(m)
	}
}

// makeDatabase has sqlite3 make a table of so many rows of 3000 bytes.
func makeDatabase(b *testing.B, path string, rows int) {
	b.Helper()
	sql := fmt.Sprintf(`pragma journal_mode=off; pragma synchronous=off;
create table t(id integer primary key, body blob);
with recursive n(i) as (select 1 union all select i+1 from n where i<%d) insert into t select i, randomblob(3000) from n;`, rows)
	if out, err := exec.Command("sqlite3", path, sql).CombinedOutput(); err != nil {
		b.Fatalf("sqlite3: %v: %s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() < 1<<30 {
		b.Fatalf("the database has %d bytes, %v", info.Size(), err)
	}
}

// BenchmarkMountPlayer begins to play a film of 2 GiB as players do: its head,
// its index at the end, then the film from the start. The first picture is
// there with the first 256 KiB behind the head.
func BenchmarkMountPlayer(b *testing.B) {
	const size, head, index, picture = 2 << 30, 4096, 64 << 10, 256 << 10
	w := newWAN(b, func(share string) { sparseFile(b, share+"/film.mp4", size) }, 1)
	var took []time.Duration
	for b.Loop() {
		m := w.open("film.mp4")
		began := time.Now()
		f, err := os.Open(m.mnt("film.mp4"))
		if err != nil {
			b.Fatal(err)
		}
		for _, part := range []*io.SectionReader{
			io.NewSectionReader(f, 0, head), io.NewSectionReader(f, size-index, index), io.NewSectionReader(f, head, picture),
		} {
			if n, err := io.Copy(io.Discard, part); err != nil || n != part.Size() {
				b.Fatalf("read %d bytes of %d: %v", n, part.Size(), err)
			}
		}
		took = append(took, time.Since(began))
		f.Close()
		w.close(m)
	}
	b.ReportMetric(median(took), "ms/first-picture")
}
