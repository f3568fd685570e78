//go:build linux

package tree

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/hashing"
)

func TestRefusedNames(t *testing.T) {
	s, err := NewScans(Indexers+", my scanner ,", 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"tracker-extract", "tracker-extract-3", "tracker-miner-f", "localsearch-3", "baloo_file", "baloo_file_extr", "updatedb.plocate",
		"ffmpegthumbnail", "tumblerd", "clamd", "my scanner",
	} {
		if !s.matches([]string{"x", name}) {
			t.Errorf("%s is let in", name)
		}
	}
	for _, name := range []string{"cat", "tracker", "file", "my", "vlc", ""} {
		if s.matches([]string{name}) {
			t.Errorf("%s is refused", name)
		}
	}
	if none, err := NewScans("", 0, nil); err != nil || none.matches([]string{"clamd", ""}) {
		t.Errorf("an empty list refuses, %v", err)
	}
	if _, err := NewScans("[", 0, nil); err == nil {
		t.Error("a bad pattern is taken")
	}
}

// someFile is an open file of that size, of which nothing is here.
func someFile(i int, size int64) *reading {
	return &reading{path: fmt.Sprint("f", i), node: Node{Shared: &union.Entry{}, Entry: p2fs.Entry{Size: size}}}
}

// A process that looks into many files is fetched no more than that, and that
// only up to the limit, which comes back in the course of an hour. One that
// reads files whole, be they many, is never held back.
func TestScanning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100 * hashing.BlockSize
		s, _ := NewScans("", limit, slog.New(slog.DiscardHandler))
		tid, size := os.Getpid(), int64(1<<20)
		for i := range scanFiles {
			if sparing, err := s.judge(tid, someFile(i, size), 0, 4096, false); sparing || err != nil {
				t.Fatalf("file %d: %v, %v", i, sparing, err)
			}
		}
		if sparing, err := s.judge(tid, someFile(scanFiles, size), 0, 128<<10, true); !sparing || err != p2fs.ErrAhead {
			t.Fatalf("what the kernel reads ahead: %v, %v", sparing, err)
		}
		served := 0
		for i := range 1000 {
			sparing, err := s.judge(tid, someFile(100+i, size), 0, 4096, false)
			if !sparing || err != nil && !errors.Is(err, p2fs.ErrAgain) {
				t.Fatalf("file %d: %v, %v", i, sparing, err)
			}
			if err == nil {
				served++
			}
		}
		if served != 100 {
			t.Errorf("%d files served, want 100", served)
		}
		time.Sleep(30 * time.Minute)
		if _, err := s.judge(tid, someFile(5000, size), 0, 4096, false); err != nil {
			t.Errorf("after half an hour: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, _ := NewScans("", 1, slog.New(slog.DiscardHandler))
		for i := range 500 {
			for off := int64(0); off < 1<<20; off += 64 << 10 {
				if sparing, err := s.judge(os.Getpid(), someFile(i, 1<<20), off, 64<<10, false); sparing || err != nil {
					t.Fatalf("file %d at %d: %v, %v", i, off, sparing, err)
				}
			}
		}
	})
}
