//go:build linux

package fs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// What is here is read at once, however much that is missing the kernel wants
// to read with it: up to the last byte, and in a mapped file.
func TestMountBesideMissing(t *testing.T) {
	data := noise(5, 4<<20)
	for _, gate := range []int64{4096, 16 << 10, 100 << 10, 1<<20 + 4096} {
		tree := newMem()
		defer tree.put("f", data).block(gate)()
		m := mount(t, tree)
		path := filepath.Join(m.Dir(), "f")
		start := time.Now()
		p := spawn(t, "map "+path)
		if st := p.ended(t, 3*time.Second); st.ExitStatus() != int(data[0]) {
			t.Errorf("%d bytes here: a mapped page ended with %v", gate, st)
		}
		timely(t, "a mapped page", start)
		drop(m, "f")
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, start := make([]byte, gate), time.Now()
		for off := 0; off < len(got); off += 4096 { // as programs read
			if _, err := f.ReadAt(got[off:off+4096], int64(off)); err != nil {
				t.Fatalf("%d bytes here: at %d: %v", gate, off, err)
			}
		}
		if timely(t, "all that is here", start); !bytes.Equal(got, data[:gate]) {
			t.Errorf("%d bytes here, and others were read", gate)
		}
		waitFor(t, "no read left", time.Second, func() bool { return m.Stats().Waiting == 0 })
		m.Close()
	}
}

// A request that may be for more than is needed is given up when it takes too
// long, one within it is not, and no other error is hidden.
func TestReadAhead(t *testing.T) {
	tests := []struct {
		name    string
		off     int64
		n       int
		present int64 // bytes that are here
		after   time.Duration
		want    error
	}{
		{"a page", 64 << 20, page, 0, time.Hour, nil},
		{"soon", 65 << 20, 4 * page, 0, aheadPatience / 2, nil},
		{"nothing here", 0, 4 * page, 0, time.Hour, ErrAhead},
		{"behind it", 4 * page, 4 * page, 0, restPatience * 2, ErrAhead},
		{"the end of it again", 3 * page, 4 * page, 0, time.Hour, nil},
		{"elsewhere", 1 << 20, 4 * page, 0, aheadPatience / 2, nil},
		{"mixed", 2 << 20, 8 * page, 2<<20 + 4*page, mixedPatience * 2, ErrAhead},
		{"mixed but soon", 4 << 20, 8 * page, 4<<20 + 4*page, mixedPatience / 2, nil},
	}
	synctest.Test(t, func(t *testing.T) {
		content := lateContent{}
		h := &handle{paged: true, size: 1 << 30, content: content}
		for _, tt := range tests {
			content[tt.off] = lateAnswer{tt.present, tt.after}
		}
		for _, tt := range tests {
			if n, err := h.read(t.Context(), make([]byte, tt.n), tt.off); err != tt.want || err == nil && n != tt.n {
				t.Errorf("%s: %d, %v, want %v", tt.name, n, err, tt.want)
			}
		}
		h = &handle{paged: true, size: 1 << 30, content: sized{0, errors.New("bad")}}
		if _, err := h.read(t.Context(), make([]byte, 4*page), 8<<20); err == nil || err == ErrAhead {
			t.Errorf("got %v, want the content's error", err)
		}
	})
}

// lateContent answers after a time, by the offset it is asked for.
type lateContent map[int64]lateAnswer

type lateAnswer struct {
	present int64
	after   time.Duration
}

func (l lateContent) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	select {
	case <-time.After(l[off].after):
		return len(p), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (l lateContent) Present(off, n int64) bool { return off+n <= l[off].present }
func (lateContent) Close() error                { return nil }
