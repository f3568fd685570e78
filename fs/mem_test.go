//go:build linux

package fs

import (
	"context"
	"crypto/sha256"
	"io"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// mem is a Tree in memory.
type mem struct {
	mu     sync.Mutex
	files  map[string]*memFile
	xattrs map[string]map[string]string
	opens  int
}

// memFile is one name of a mem. Reads at or beyond gate wait until open is
// closed.
type memFile struct {
	e    Entry
	data []byte
	err  error // of every read
	gate int64
	open chan struct{}
	deaf bool // a waiting read does not heed its context

	asked atomic.Int64 // reads that began
}

func newMem() *mem {
	m := &mem{files: make(map[string]*memFile), xattrs: make(map[string]map[string]string)}
	m.files[""] = &memFile{e: Entry{Kind: Dir, MTime: time.Unix(1e9, 0)}}
	return m
}

func newFile(data []byte) *memFile {
	return &memFile{data: data, e: Entry{
		Kind: File, Size: int64(len(data)), Local: int64(len(data)),
		MTime: time.Unix(1_600_000_000, 123456789), Content: sha256.Sum256(data),
	}}
}

// put adds a file. It may be changed only while nothing is mounted.
func (m *mem) put(p string, data []byte) *memFile {
	f := newFile(data)
	m.set(p, f)
	return f
}

// set adds anything, with the directories above it.
func (m *mem) set(p string, f *memFile) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f.e.Name = path.Base(p)
	m.files[p] = f
	for d := path.Dir(p); d != "."; d = path.Dir(d) {
		if m.files[d] == nil {
			m.files[d] = &memFile{e: Entry{Name: path.Base(d), Kind: Dir, MTime: time.Unix(1e9, 0)}}
		}
	}
}

// block makes reads at or beyond off wait; the result lets them go.
func (f *memFile) block(off int64) (release func()) {
	f.gate, f.open = off, make(chan struct{})
	return sync.OnceFunc(func() { close(f.open) })
}

func (m *mem) remove(p string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, p)
}

func (m *mem) get(p string) (*memFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[p]; f != nil {
		return f, nil
	}
	return nil, &iofs.PathError{Op: "lookup", Path: p, Err: iofs.ErrNotExist}
}

func (m *mem) Lookup(_ context.Context, p string) (Entry, error) {
	f, err := m.get(p)
	if err != nil {
		return Entry{}, err
	}
	return f.e, nil
}

func (m *mem) ReadDir(_ context.Context, dir string) ([]Entry, error) {
	if _, err := m.get(dir); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var l []Entry
	for p, f := range m.files {
		if d, _ := parent(p); p != "" && d == dir && !f.e.Hidden {
			l = append(l, f.e)
		}
	}
	slices.SortFunc(l, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return l, nil
}

func (m *mem) Open(_ context.Context, p string, content [32]byte) (Content, error) {
	f, err := m.get(p)
	if err != nil {
		return nil, err
	}
	if f.e.Content != content {
		return nil, ErrStale
	}
	m.mu.Lock()
	m.opens++
	m.mu.Unlock()
	return &memContent{m, f}, nil
}

func (m *mem) Xattrs(_ context.Context, p string) ([]string, error) {
	if _, err := m.get(p); err != nil {
		return nil, err
	}
	var l []string
	for k := range m.xattrs[p] {
		l = append(l, k)
	}
	slices.Sort(l)
	return l, nil
}

func (m *mem) Xattr(_ context.Context, p, name string) (string, error) {
	if v, ok := m.xattrs[p][name]; ok {
		return v, nil
	}
	return "", iofs.ErrNotExist
}

func (m *mem) StatFS() Usage { return Usage{Total: 1 << 30, Free: 1 << 29, Files: int64(len(m.files))} }

type memContent struct {
	m *mem
	f *memFile
}

func (c *memContent) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	c.f.asked.Add(1)
	if c.f.open != nil && off+int64(len(p)) > c.f.gate {
		var done <-chan struct{}
		if !c.f.deaf {
			done = ctx.Done()
		}
		select {
		case <-c.f.open:
		case <-done:
			return 0, context.Cause(ctx)
		}
	}
	if c.f.err != nil {
		return 0, c.f.err
	}
	if off >= int64(len(c.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, c.f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c *memContent) Present(off, n int64) bool {
	if c.f.open == nil || off+n <= c.f.gate {
		return true
	}
	select {
	case <-c.f.open:
		return true
	default:
		return false
	}
}

func (c *memContent) Close() error {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	c.m.opens--
	return nil
}
