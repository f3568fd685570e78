package share

import (
	"os"
	"sync/atomic"
	"testing"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/share/hasher"
)

const planted = guard.Planted("planted in a test")

// TestPanicInHash has hashing one file panic: the others are published, and that
// one is when it is tried again.
func TestPanicInHash(t *testing.T) {
	g := guard.New(nil)
	var bad atomic.Bool
	bad.Store(true)
	b := openBox(t, func(c *Config) {
		c.Guard = g
		short := defaultTiming()
		short.again = short.pace
		c.test.timing = &short
		c.test.hash = func(f *os.File, j *hasher.Job) (hashing.FileHashes, error) {
			if j.Path == "bad" && bad.CompareAndSwap(true, false) {
				panic(planted)
			}
			return j.Hash(t.Context(), f)
		}
	})
	b.write("bad", []byte("bad"))
	b.write("good", []byte("good"))
	b.await("good")
	b.await("bad")
	if g.Caught() != 1 {
		t.Errorf("caught %d panics, want 1", g.Caught())
	}
}

// TestPanicInLoop has the loop panic in the middle of its work, three times: it
// goes on, and what is there then is published.
func TestPanicInLoop(t *testing.T) {
	g := guard.New(nil)
	dir, state := t.TempDir(), t.TempDir()
	changes := make(chan struct{}, 16)
	timing := defaultTiming()
	timing.missing = timing.pace
	walks := 0
	cfg := Config{Dir: dir, State: state, Guard: g, OnChange: func(Delta) { changes <- struct{}{} }}
	cfg.test = hooks{timing: &timing, walked: func() {
		if walks++; walks <= 3 {
			panic(planted)
		}
	}}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.WriteFile(dir+"/a", []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	for len(s.Files()) == 0 || g.Caught() < 3 {
		<-changes
		if err := os.WriteFile(dir+"/b", []byte("b"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPanicInOnChange has the caller's function panic: it is called again.
func TestPanicInOnChange(t *testing.T) {
	g := guard.New(nil)
	dir, state := t.TempDir(), t.TempDir()
	calls := make(chan int, 16)
	n := 0
	s, err := Open(t.Context(), Config{Dir: dir, State: state, Guard: g, OnChange: func(Delta) {
		n++
		calls <- n
		if n == 1 {
			panic(planted)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	<-calls
	if err := os.WriteFile(dir+"/a", []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	<-calls
	if g.Caught() != 1 {
		t.Errorf("caught %d panics, want 1", g.Caught())
	}
}
