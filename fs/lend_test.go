//go:build linux

package fs

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// lender is a Tree whose files lend what they have, in parts of odd sizes, but
// for every third read.
type lender struct {
	*mem
	asked, lent, back atomic.Int64
}

type lentFile struct {
	Content
	data []byte
	of   *lender
}

func (l *lender) Open(ctx context.Context, p string, content [32]byte) (Content, error) {
	c, err := l.mem.Open(ctx, p, content)
	if err != nil {
		return nil, err
	}
	return &lentFile{c, l.mem.files[p].data, l}, nil
}

func (f *lentFile) Lend(off int64, n int) ([][]byte, func(), bool) {
	if f.of.asked.Add(1)%3 == 0 {
		return nil, nil, false
	}
	f.of.lent.Add(1)
	var parts [][]byte
	for data := f.data[off : off+int64(n)]; len(data) > 0; {
		k := min(len(data), 5000)
		parts = append(parts, data[:k])
		data = data[k:]
	}
	return parts, func() { f.of.back.Add(1) }, true
}

// TestLentReads: what a content lends arrives as what it reads.
func TestLentReads(t *testing.T) {
	tree := &lender{mem: newMem()}
	want := noise(1, 3<<20+77)
	tree.put("file", want)
	m := mount(t, tree)
	f, err := os.Open(filepath.Join(m.Dir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if tree.lent.Load() == 0 {
		t.Error("nothing was lent")
	}
	waitFor(t, "all is given back", limit, func() bool { return tree.lent.Load() == tree.back.Load() }) // after the kernel has it
}
