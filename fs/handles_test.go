//go:build linux

package fs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"bazil.org/fuse"
)

func openFile(t *testing.T, f *files, id fuse.NodeID) fuse.HandleID {
	t.Helper()
	o, err := f.open(t.Context(), &fuse.OpenRequest{Header: fuse.Header{Node: id}})
	if err != nil {
		t.Fatal(err)
	}
	return o.Handle
}

func readAll(t *testing.T, f *files, id fuse.HandleID) string {
	t.Helper()
	h := f.handle(id)
	p := make([]byte, h.span(0, 1<<20))
	n, err := h.read(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(p[:n])
}

func TestOpen(t *testing.T) {
	tree := newMem()
	tree.put("dir/file", []byte("x"))
	tree.set("link", &memFile{e: Entry{Kind: Symlink, Target: "x"}})
	tree.set("status", &memFile{e: Entry{Volatile: true}, data: []byte("up")})
	f := newFiles(tree)
	gone := f.nodes.ref(node{path: "gone"}, &Entry{}).id
	tests := []struct {
		node  fuse.NodeID
		dir   bool
		flags fuse.OpenFlags
		want  fuse.OpenResponseFlags
		err   error
	}{
		{find(t, f, "dir/file"), false, fuse.OpenReadOnly, fuse.OpenKeepCache, nil},
		{find(t, f, "dir/file"), false, fuse.OpenReadOnly | syscall.O_DIRECT, fuse.OpenKeepCache | fuse.OpenDirectIO, nil},
		{find(t, f, "status"), false, fuse.OpenReadOnly, fuse.OpenDirectIO, nil},
		{find(t, f, "dir"), true, fuse.OpenReadOnly, 0, nil},
		{find(t, f, "dir/file"), false, fuse.OpenWriteOnly, 0, errReadOnly},
		{find(t, f, "dir/file"), false, fuse.OpenReadWrite, 0, errReadOnly},
		{find(t, f, "dir/file"), true, fuse.OpenReadOnly, 0, errNotDir},
		{find(t, f, "dir"), false, fuse.OpenReadOnly, 0, errIsDir},
		{find(t, f, "link"), false, fuse.OpenReadOnly, 0, errInvalid},
		{gone, false, fuse.OpenReadOnly, 0, iofs.ErrNotExist},
		{99, false, fuse.OpenReadOnly, 0, ErrStale},
	}
	for _, tt := range tests {
		r := &fuse.OpenRequest{Header: fuse.Header{Node: tt.node}, Dir: tt.dir, Flags: tt.flags}
		resp, err := f.open(t.Context(), r)
		if !errors.Is(err, tt.err) || resp.Flags != tt.want {
			t.Errorf("open(node %d, dir %v, %v) = %v, %v, want %v, %v", tt.node, tt.dir, tt.flags, resp.Flags, err, tt.want, tt.err)
		}
	}
	for _, id := range f.unreleased() {
		f.release(id)
	}
	if tree.opens != 0 || len(f.handles) != 0 {
		t.Errorf("%d contents and %d handles left open", tree.opens, len(f.handles))
	}
}

// sized answers a read with n bytes and err, whatever was asked.
type sized struct {
	n   int
	err error
}

func (s sized) ReadAt(context.Context, []byte, int64) (int, error) { return s.n, s.err }
func (s sized) Close() error                                       { return nil }

// A read gives everything up to the end of the file or an error.
func TestRead(t *testing.T) {
	bad := errors.New("bad piece")
	tests := []struct {
		name    string
		h       handle
		off     int64
		n       int
		want    int
		wantErr error
	}{
		{"whole", handle{content: sized{10, nil}, size: 10}, 0, 10, 10, nil},
		{"whole and end", handle{content: sized{10, io.EOF}, size: 10}, 0, 10, 10, nil},
		{"cut at the end", handle{content: sized{4, nil}, size: 10}, 6, 100, 4, nil},
		{"at the end", handle{content: sized{0, bad}, size: 10}, 10, 100, 0, nil},
		{"past the end", handle{content: sized{0, bad}, size: 10}, 1 << 60, 100, 0, nil},
		{"negative", handle{content: sized{0, bad}, size: 10}, -1, 100, 0, nil},
		{"nothing", handle{content: sized{0, bad}, size: 10}, 0, 0, 0, nil},
		{"empty file", handle{content: sized{0, bad}}, 0, 4096, 0, nil},
		{"short", handle{content: sized{9, nil}, size: 10}, 0, 10, 0, io.ErrUnexpectedEOF},
		{"short end", handle{content: sized{9, io.EOF}, size: 10}, 0, 10, 0, io.ErrUnexpectedEOF},
		{"failed", handle{content: sized{0, bad}, size: 10}, 0, 10, 0, bad},
		{"failed midway", handle{content: sized{5, bad}, size: 10}, 0, 10, 0, bad},
		{"volatile", handle{content: sized{5, io.EOF}, volatile: true}, 0, 4096, 5, nil},
		{"volatile end", handle{content: sized{0, io.EOF}, volatile: true}, 5, 4096, 0, nil},
		{"volatile short", handle{content: sized{5, nil}, volatile: true}, 0, 4096, 0, io.ErrUnexpectedEOF},
		{"directory", handle{}, 0, 10, 0, nil},
	}
	for i := range tests {
		tt := &tests[i]
		p := make([]byte, tt.h.span(tt.off, tt.n))
		n, err := tt.h.read(t.Context(), p, tt.off)
		if tt.h.content == nil {
			if !errors.Is(err, errIsDir) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if n != tt.want || !errors.Is(err, tt.wantErr) {
			t.Errorf("%s: read %d, %v, want %d, %v", tt.name, n, err, tt.want, tt.wantErr)
		}
	}
}

// A content is closed when the last read has returned, also if the kernel
// released its handle before that.
func TestReleaseWhileReading(t *testing.T) {
	tree := newMem()
	tree.put("file", []byte("x"))
	f := newFiles(tree)
	id := openFile(t, f, find(t, f, "file"))
	a, b := f.acquire(id), f.acquire(id)
	for i, step := range []func() error{
		func() error { return f.drop(a) },
		func() error { return f.release(id) },
		func() error { return f.release(id) }, // of nothing
	} {
		if err := step(); err != nil || tree.opens != 1 {
			t.Fatalf("step %d: %v, %d open, want 1", i, err, tree.opens)
		}
	}
	if h := f.acquire(id); h != nil {
		t.Error("a released handle was found")
	}
	if err := f.drop(b); err != nil || tree.opens != 0 {
		t.Errorf("%v, %d open after the last read, want 0", err, tree.opens)
	}
}

func TestReadCancelled(t *testing.T) {
	tree := newMem()
	tree.put("file", make([]byte, 100)).block(0)
	f := newFiles(tree)
	h := f.handle(openFile(t, f, find(t, f, "file")))
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(errInterrupted) })
	_, err := h.read(ctx, make([]byte, 10), 0)
	if no := errno(ctx, err); no != syscall.EINTR {
		t.Errorf("interrupted read ends with %v (%v)", no, err)
	}
}

// A listing stays what it was until it is read from the start again.
func TestReaddirSnapshot(t *testing.T) {
	tree := newMem()
	for _, n := range []string{"a", "b", "c"} {
		tree.put(n, nil)
	}
	f := newFiles(tree)
	id := openDir(t, f, fuse.RootID)
	first, err := f.readdir(t.Context(), id, 0, 40)
	if err != nil {
		t.Fatal(err)
	}
	tree.remove("b")
	tree.put("d", nil)
	some, next := dirents(t, first)
	rest, err := f.readdir(t.Context(), id, next, 4096)
	if err != nil {
		t.Fatal(err)
	}
	more, _ := dirents(t, rest)
	if got, want := names(append(some, more...)), []string{".", "..", "a", "b", "c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("one pass lists %q, want %q", got, want)
	}
	again, err := f.readdir(t.Context(), id, 0, 4096)
	all, next := dirents(t, again)
	if got, want := names(all), []string{".", "..", "a", "c", "d"}; !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("after a rewind %q, want %q (%v)", got, want, err)
	}
	for _, off := range []int64{next, 1 << 40, -1} {
		if b, err := f.readdir(t.Context(), id, off, 4096); len(b) != 0 || err != nil {
			t.Errorf("readdir at %d gives %d bytes, %v", off, len(b), err)
		}
	}
}

func openDir(t *testing.T, f *files, id fuse.NodeID) fuse.HandleID {
	t.Helper()
	o, err := f.open(t.Context(), &fuse.OpenRequest{Header: fuse.Header{Node: id}, Dir: true})
	if err != nil {
		t.Fatal(err)
	}
	return o.Handle
}

func names(l []fuse.Dirent) []string {
	var s []string
	for _, d := range l {
		s = append(s, d.Name)
	}
	return s
}

func TestReaddirErrors(t *testing.T) {
	tree := newMem()
	tree.put("dir/file", nil)
	f := newFiles(tree)
	dir := openDir(t, f, find(t, f, "dir"))
	file := openFile(t, f, find(t, f, "dir/file"))
	tree.remove("dir")
	for _, tt := range []struct {
		id   fuse.HandleID
		want error
	}{{dir, iofs.ErrNotExist}, {file, errNotDir}, {99, ErrStale}} {
		if _, err := f.readdir(t.Context(), tt.id, 0, 100); !errors.Is(err, tt.want) {
			t.Errorf("readdir(%d) = %v, want %v", tt.id, err, tt.want)
		}
	}
}

// One bad name must not cost the whole listing.
func TestListingNames(t *testing.T) {
	entries := []Entry{
		{Name: ""}, {Name: "."}, {Name: ".."}, {Name: "a"}, {Name: "a"}, {Name: "a/b"}, {Name: "b\x00"},
		{Name: "h", Hidden: true}, {Name: strings.Repeat("n", 255)}, {Name: strings.Repeat("n", 256)},
		{Name: "\xff\n"}, {Name: "ü 名"},
	}
	want := []string{".", "..", "a", strings.Repeat("n", 255), "\xff\n", "ü 名"}
	l, _ := dirents(t, (&listing{path: "d/e", entries: entries}).dirents(0, 4096))
	if got := names(l); !reflect.DeepEqual(got, want) {
		t.Errorf("listing has %q, want %q", got, want)
	}
	if l[0].Inode != (node{path: "d/e", kind: Dir}).inode() || l[1].Inode != (node{path: "d", kind: Dir}).inode() {
		t.Errorf("inodes of . and .. are %d and %d", l[0].Inode, l[1].Inode)
	}
	if top, _ := dirents(t, (&listing{path: "d"}).dirents(0, 4096)); top[1].Inode != 1 {
		t.Errorf("inode of .. under the root is %d", top[1].Inode)
	}
}
