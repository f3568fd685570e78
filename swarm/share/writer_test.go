package share

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/share/hasher"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/settle"
)

func TestWriterDelaysPublication(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("slow"))
	b.must(err)
	for range 20 {
		_, err := f.Write(random(1000))
		b.must(err)
	}
	b.write("other", []byte("x"))
	b.await("other")
	b.stats("waiting", func(st Stats) bool { return st.Waiting == 1 })
	if _, ok := b.file("slow"); ok {
		t.Error("published while a writer has it open")
	}
	_, err = f.Write([]byte("end"))
	b.must(err)
	start := time.Now()
	b.must(f.Close())
	got := b.await("slow")
	t.Logf("published %v after the writer closed it", time.Since(start))
	if got.Size != 20003 || b.Stats().Hashed != 2 {
		t.Errorf("got %+v, hashed %d times", got, b.Stats().Hashed)
	}
}

func TestMappedWriterDelaysPublication(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("mapped"))
	b.must(err)
	b.must(f.Truncate(64 << 10))
	m, err := unix.Mmap(int(f.Fd()), 0, 64<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	b.must(err)
	b.must(f.Close()) // the mapping stays
	b.write("other", []byte("x"))
	b.await("other")
	copy(m, "written after close")
	if _, ok := b.file("mapped"); ok {
		t.Error("published while it is mapped for writing")
	}
	b.must(unix.Munmap(m))
	got := b.await("mapped")
	data, err := os.ReadFile(b.path("mapped"))
	b.must(err)
	b.holds(got, data)
}

func TestWithoutLeases(t *testing.T) {
	var still time.Duration
	b := openBox(t, func(c *Config) {
		fast(c)
		c.test.writers = func(*os.File) inode.Writing { return inode.Unknown }
		still = c.test.timing.Still
	})
	var data []byte
	var last time.Time
	for i := range 5 { // each write begins the wait anew
		data = random(100 + i)
		last = time.Now()
		b.write("f", data)
		b.must(os.Mkdir(b.path(fmt.Sprint("d", i)), 0o755))
		b.await(fmt.Sprint("d", i))
	}
	b.until("last version", func() bool { f, _ := b.file("f"); return f.Size == int64(len(data)) })
	if took := time.Since(last); took < still {
		t.Errorf("published after %v, want at least %v", took, still)
	}
	f, _ := b.file("f")
	b.holds(f, data)
}

func TestOldFilesNeedNoWaiting(t *testing.T) {
	tm := defaultTiming()
	tm.Still = time.Hour
	tm.Old = -time.Hour // everything is old
	b := openBox(t, func(c *Config) {
		c.test.timing = &tm
		c.test.writers = func(*os.File) inode.Writing { return inode.Unknown }
	})
	b.write("f", []byte("x"))
	b.await("f")
}

func TestChangingFileIsPublishedRarely(t *testing.T) {
	b := openBox(t, nil)
	var published []time.Time
	var last File
	for i := range 3 {
		b.write("f", fmt.Appendf(nil, "version %d", i))
		b.until("version", func() bool { f, ok := b.file("f"); return ok && f.Root != last.Root })
		last, _ = b.file("f")
		published = append(published, time.Now())
	}
	if gap := published[1].Sub(published[0]); gap > time.Second {
		t.Errorf("the first edit took %v", gap)
	}
	if gap := published[2].Sub(published[1]); gap < settle.FirstBackoff-200*time.Millisecond {
		t.Errorf("the next edit was published after %v already", gap)
	}
}

// gate holds up hashing until it is opened.
type gate struct {
	begun chan *hasher.Job
	open  func()
	held  atomic.Int32
	let   chan struct{}
}

func newGate() *gate {
	g := &gate{begun: make(chan *hasher.Job, 100), let: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.let) })
	return g
}

// box is a box that hashes behind the gate.
func (g *gate) box(t *testing.T) *box {
	b := openBox(t, func(c *Config) { c.test.hash = g.hash })
	t.Cleanup(g.open)
	return b
}

func (g *gate) hash(f *os.File, j *hasher.Job) (hashing.FileHashes, error) {
	g.held.Add(1)
	g.begun <- j
	<-g.let
	return j.Hash(context.Background(), f)
}

func TestChangesWhileHashing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *box) error
		want   string // path that is published in the end; "" for none
		hashed int32
	}{
		"nothing": {func(*box) error { return nil }, "f", 1},
		"renamed": {func(b *box) error { return os.Rename(b.path("f"), b.path("g")) }, "g", 1},
		"moved down": {func(b *box) error {
			return errors.Join(os.MkdirAll(b.path("d/e"), 0o755), os.Rename(b.path("f"), b.path("d/e/g")))
		}, "d/e/g", 1},
		"removed":  {func(b *box) error { return os.Remove(b.path("f")) }, "", 1},
		"replaced": {func(b *box) error { b.write(".n", random(999)); return os.Rename(b.path(".n"), b.path("f")) }, "f", 2},
		"cut":      {func(b *box) error { return os.Truncate(b.path("f"), 100) }, "f", 2},
		"appended": {func(b *box) error { return os.WriteFile(b.path("f"), random(5000), 0o644) }, "f", 2},
		"linked":   {func(b *box) error { return os.Link(b.path("f"), b.path("g")) }, "g", 1},
		"overwritten": {func(b *box) error {
			f, err := os.OpenFile(b.path("f"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("other"), 10)
			return errors.Join(err, f.Close())
		}, "f", 2},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			b := g.box(t)
			b.write("f", random(2000))
			<-g.begun
			b.must(c.change(b))
			b.must(os.Mkdir(b.path("seen behind the change"), 0o755))
			b.await("seen behind the change")
			g.open()
			if c.want == "" {
				b.still()
				if _, ok := b.file("f"); ok {
					t.Error("a removed file was published")
				}
				return
			}
			f := b.await(c.want)
			data, err := os.ReadFile(b.path(c.want))
			b.must(err)
			b.holds(f, data)
			if got := g.held.Load(); got != c.hashed {
				t.Errorf("hashed %d times, want %d", got, c.hashed)
			}
		})
	}
}

func TestWriterComesWhileHashing(t *testing.T) {
	g := newGate()
	b := g.box(t)
	b.write("f", random(2000))
	<-g.begun
	w, err := os.OpenFile(b.path("f"), os.O_WRONLY, 0)
	b.must(err)
	g.open()
	b.stats("waiting", func(st Stats) bool { return st.Hashed == 1 && st.Waiting == 1 })
	if _, ok := b.file("f"); ok {
		t.Error("published while a writer has it open")
	}
	_, err = w.Write([]byte("new"))
	b.must(err)
	b.must(w.Close())
	f := b.await("f")
	data, err := os.ReadFile(b.path("f"))
	b.must(err)
	b.holds(f, data)
}

func TestBigFileHoldsUpNobody(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("huge"))
	b.must(err)
	b.must(f.Truncate(1 << 40)) // sparse: days of hashing
	b.must(f.Close())
	b.stats("hashing", func(st Stats) bool { return len(st.Hashing) == 1 })
	for i := range 20 {
		name := fmt.Sprint("small", i)
		b.write(name, random(1000))
		b.await(name)
	}
	var p Progress
	b.stats("progress", func(st Stats) bool {
		if len(st.Hashing) == 1 {
			p = st.Hashing[0]
		}
		return p.Done > 0
	})
	if p.Path != "huge" || p.Size != 1<<40 {
		t.Errorf("got %+v", p)
	}
	start := time.Now()
	b.must(b.Close())
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestDroppedJobEndsSoon(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("huge"))
	b.must(err)
	b.must(f.Truncate(1 << 40))
	b.must(f.Close())
	b.stats("hashing", func(st Stats) bool { return len(st.Hashing) == 1 })
	b.must(os.Remove(b.path("huge")))
	b.write("big", random(hasher.BigFile+1)) // the same worker's
	b.await("big")
}
