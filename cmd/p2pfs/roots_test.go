//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// rootOf is the pieces root of a file with these bytes.
func rootOf(t *testing.T, data []byte) catalog.Hash {
	t.Helper()
	h, err := hashing.File(t.Context(), bytes.NewReader(data), hashing.Config{PieceLength: metainfo.PieceLength(int64(len(data))), Length: int64(len(data))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Hash(h.Root)
}

// TestOneRootManySizes has a member publish the roots of honest files with
// sizes that are not theirs. What he says of them is no use to anybody, and no
// harm to the honest files: before, while and after the false ones are read.
func TestOneRootManySizes(t *testing.T) {
	honest := map[string][]byte{
		"large": swarmtest.Bytes(1, 300_000), "piece": swarmtest.Bytes(2, 64<<10), "two": swarmtest.Bytes(3, 20_000),
		"tiny": swarmtest.Bytes(4, 100), "block": swarmtest.Bytes(5, 16<<10), "whole": swarmtest.Bytes(6, 400_000),
	}
	sizes := []int64{1, 99, 101, 16 << 10, 20_001, 30_000, 64 << 10, 64<<10 + 1, 299_999, 300_001, 327_680, 500_000, 70 << 20}
	var lies []catalog.File
	for name, data := range honest {
		for _, size := range sizes {
			if size != int64(len(data)) {
				lies = append(lies, catalog.File{
					Path: fmt.Sprintf("lies/%s-%d", name, size), Size: size, Root: rootOf(t, data), MTime: time.Unix(1, 0),
				})
			}
		}
	}
	a := newMounted(t, t.Name(), "anna", "--no-embedded-tracker", "--read-timeout", "1s")
	for name, data := range honest {
		a.write(name, data)
	}
	a.start()
	b := newMounted(t, t.Name(), "bob", "--no-embedded-tracker", "--read-timeout", "1s", "--peer", status(t, a).Listen).start()
	newStranger(t, t.Name(), "eve", lies...).knows(a).knows(b)
	for name, data := range honest {
		if name < "n" { // these are read before, the others after the lies
			b.sees(name, data)
		}
	}
	for _, m := range []*mounted{a, b} {
		within(t, patience, func() error { _, err := os.Stat(m.mnt(lies[len(lies)-1].Path)); return err })
		readLies(t, m, lies)
		for name, data := range honest {
			m.sees(name, data)
		}
		readLies(t, m, lies[:2])
		for name, data := range honest {
			m.sees(name, data)
		}
		if s := status(t, m); s.Bugs > 0 {
			t.Errorf("%s: %d internal errors", m.name, s.Bugs)
		}
	}
	b.stop() // what is kept of all this, kept apart
	b.start()
	for name, data := range honest {
		b.sees(name, data)
	}
}

// readLies reads files that nobody has, all at once.
func readLies(t *testing.T, m *mounted, lies []catalog.File) {
	t.Helper()
	done := make(chan string, len(lies))
	for _, f := range lies {
		go func() {
			data, err := os.ReadFile(m.mnt(f.Path))
			if err == nil {
				done <- fmt.Sprintf("%s: read %d bytes that nobody has", f.Path, len(data))
				return
			}
			done <- ""
		}()
	}
	for range lies {
		if wrong := <-done; wrong != "" {
			t.Error(m.name, wrong)
		}
	}
}

// TestOneRootTwoFiles shares two honest files that have one pieces root: the
// hash tree says nothing of a file's length, so that the hashes of a file's
// two blocks are a file with the same root.
func TestOneRootTwoFiles(t *testing.T) {
	long := swarmtest.Bytes(7, 32<<10)
	x, y := sha256.Sum256(long[:16<<10]), sha256.Sum256(long[16<<10:])
	short := append(x[:], y[:]...)
	if rootOf(t, long) != rootOf(t, short) {
		t.Fatal("they have two roots")
	}
	for _, order := range []string{"long short", "short long"} {
		t.Run(order, func(t *testing.T) {
			name := strings.ReplaceAll(t.Name(), "/", "-")
			a := newMounted(t, name, "anna", "--no-embedded-tracker")
			a.write("long", long)
			a.write("short", short)
			a.start()
			b := newMounted(t, name, "bob", "--no-embedded-tracker", "--read-timeout", "5s", "--peer", status(t, a).Listen).start()
			for _, m := range []*mounted{a, b, a, b} {
				for file := range strings.FieldsSeq(order) {
					m.sees(file, map[string][]byte{"long": long, "short": short}[file])
				}
			}
			if n := status(t, a).Bugs + status(t, b).Bugs; n > 0 {
				t.Errorf("%d internal errors", n)
			}
		})
	}
}
