//go:build linux

package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"strings"
	"testing"
	"time"

	"bazil.org/fuse"
)

func TestLookup(t *testing.T) {
	tree := newMem()
	tree.put("dir/file", []byte("x"))
	tree.put(".hidden/f", []byte("x")).e.Hidden = true
	tree.files[".hidden"].e.Hidden = true
	f := newFiles(tree)
	dir, file := find(t, f, "dir"), find(t, f, "dir/file")
	tests := []struct {
		in   fuse.NodeID
		name string
		want error
	}{
		{fuse.RootID, "dir", nil},
		{fuse.RootID, ".hidden", nil},
		{dir, "file", nil},
		{dir, "none", iofs.ErrNotExist},
		{dir, "", iofs.ErrNotExist},
		{dir, ".", iofs.ErrNotExist},
		{dir, "..", iofs.ErrNotExist},
		{fuse.RootID, "dir/file", iofs.ErrNotExist},
		{dir, "a\x00b", iofs.ErrNotExist},
		{dir, strings.Repeat("n", maxName), iofs.ErrNotExist},
		{dir, strings.Repeat("n", maxName+1), errName},
		{file, "x", errNotDir},
		{99, "x", ErrStale},
	}
	for _, tt := range tests {
		resp, err := f.lookup(t.Context(), tt.in, tt.name)
		if !errors.Is(err, tt.want) {
			t.Errorf("lookup(%d, %q) = %v, want %v", tt.in, tt.name, err, tt.want)
		}
		if err == nil && (resp.EntryValid < time.Hour || resp.Attr.Valid < time.Hour) {
			t.Errorf("lookup(%d, %q) is valid for %v and %v", tt.in, tt.name, resp.EntryValid, resp.Attr.Valid)
		}
	}
}

// A lookup that a change overtook must not be remembered by the kernel.
func TestLookupOvertaken(t *testing.T) {
	f := newFiles(nil)
	tree := &overtaken{mem: newMem(), f: f}
	tree.put("file", []byte("x"))
	f.tree = tree
	resp, err := f.lookup(t.Context(), fuse.RootID, "file")
	if err != nil || resp.EntryValid != 0 || resp.Attr.Valid != 0 {
		t.Errorf("lookup: %v, valid for %v and %v, want 0", err, resp.EntryValid, resp.Attr.Valid)
	}
	a, err := f.getattr(t.Context(), resp.Node)
	if err != nil || a.Valid != 0 {
		t.Errorf("getattr: %v, valid for %v, want 0", err, a.Valid)
	}
}

// overtaken changes whenever it was asked.
type overtaken struct {
	*mem
	f *files
}

func (o *overtaken) Lookup(ctx context.Context, p string) (Entry, error) {
	defer o.f.changes.Add(1)
	return o.mem.Lookup(ctx, p)
}

// A file that is replaced, then removed, while it is open: the handle and its
// node stay what they were, the path shows the new one.
func TestReplaced(t *testing.T) {
	tree := newMem()
	tree.put("file", []byte("old"))
	f := newFiles(tree)
	old := find(t, f, "file")
	h := openFile(t, f, old)

	tree.put("file", []byte("newer"))
	now := find(t, f, "file")
	if now == old {
		t.Fatalf("two contents under one node %d", now)
	}
	if got := readAll(t, f, h); got != "old" {
		t.Errorf("old handle reads %q", got)
	}
	if got := readAll(t, f, openFile(t, f, now)); got != "newer" {
		t.Errorf("new handle reads %q", got)
	}
	if _, err := f.open(t.Context(), &fuse.OpenRequest{Header: fuse.Header{Node: old}}); !errors.Is(err, ErrStale) {
		t.Errorf("opening the old node again: %v, want ErrStale", err)
	}
	sizes := func(want ...uint64) {
		t.Helper()
		for i, id := range []fuse.NodeID{old, now} {
			if a, err := f.getattr(t.Context(), id); err != nil || a.Size != want[i] {
				t.Errorf("getattr of node %d: size %d, %v, want %d", id, a.Size, err, want[i])
			}
		}
	}
	sizes(3, 5)
	tree.remove("file")
	sizes(3, 5)
	if _, err := f.lookup(t.Context(), fuse.RootID, "file"); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("lookup of a removed file: %v", err)
	}
	if v, err := f.listxattr(t.Context(), now, 0); len(v) != 0 || err != nil {
		t.Errorf("listxattr of a removed file: %q, %v", v, err)
	}
}

// A change of mtime, mode or local bytes keeps the node.
func TestAttrChange(t *testing.T) {
	tree := newMem()
	tree.put("file", make([]byte, 1<<20))
	f := newFiles(tree)
	id := find(t, f, "file")
	tree.files["file"].e.Local = 512
	tree.files["file"].e.Exec = true
	if again := find(t, f, "file"); again != id {
		t.Errorf("node %d became %d", id, again)
	}
	if a, err := f.getattr(t.Context(), id); err != nil || a.Blocks != 1 || a.Mode != 0o555 {
		t.Errorf("getattr = %v, %v", a, err)
	}
}

func TestGetattrError(t *testing.T) {
	tree := newMem()
	tree.put("file", nil)
	f := newFiles(tree)
	id := find(t, f, "file")
	broken := errors.New("broken")
	f.tree = &failing{mem: tree, err: broken}
	if _, err := f.getattr(t.Context(), id); !errors.Is(err, broken) {
		t.Errorf("getattr = %v, want %v", err, broken)
	}
	if _, err := f.getattr(t.Context(), 99); !errors.Is(err, ErrStale) {
		t.Errorf("getattr of an unknown node = %v", err)
	}
}

type failing struct {
	*mem
	err error
}

func (f *failing) Lookup(context.Context, string) (Entry, error) { return Entry{}, f.err }

func TestReadlink(t *testing.T) {
	tree := newMem()
	tree.set("link", &memFile{e: Entry{Kind: Symlink, Target: "a/b"}})
	tree.put("file", nil)
	f := newFiles(tree)
	if got, err := f.readlink(find(t, f, "link")); got != "a/b" || err != nil {
		t.Errorf("readlink = %q, %v", got, err)
	}
	if _, err := f.readlink(find(t, f, "file")); !errors.Is(err, errInvalid) {
		t.Errorf("readlink of a file = %v", err)
	}
	if _, err := f.readlink(99); !errors.Is(err, ErrStale) {
		t.Errorf("readlink of nothing = %v", err)
	}
}

func TestXattr(t *testing.T) {
	tree := newMem()
	tree.put("file", nil)
	tree.put("plain", nil)
	tree.xattrs["file"] = map[string]string{"user.a": "12345", "user.b": ""}
	f := newFiles(tree)
	file, plain := find(t, f, "file"), find(t, f, "plain")
	tests := []struct {
		id   fuse.NodeID
		name string // "" lists
		size uint32
		want string
		err  error
	}{
		{file, "user.a", 0, "12345", nil},
		{file, "user.a", 5, "12345", nil},
		{file, "user.a", 100, "12345", nil},
		{file, "user.a", 4, "", errRange},
		{file, "user.b", 1, "", nil},
		{file, "user.c", 0, "", errNoXattr},
		{plain, "security.selinux", 100, "", errNoKind},
		{99, "user.a", 0, "", ErrStale},
		{file, "", 0, "user.a\x00user.b\x00", nil},
		{file, "", 14, "user.a\x00user.b\x00", nil},
		{file, "", 13, "", errRange},
		{plain, "", 0, "", nil},
		{99, "", 0, "", ErrStale},
	}
	for _, tt := range tests {
		var got []byte
		var err error
		if tt.name == "" {
			got, err = f.listxattr(t.Context(), tt.id, tt.size)
		} else {
			got, err = f.getxattr(t.Context(), tt.id, tt.name, tt.size)
		}
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("node %d, %q, size %d: %q, %v, want %q, %v", tt.id, tt.name, tt.size, got, err, tt.want, tt.err)
		}
	}
}

func TestStatfs(t *testing.T) {
	f := newFiles(newMem())
	got := f.statfs()
	want := fuse.StatfsResponse{Blocks: 1 << 18, Bfree: 1 << 17, Bavail: 1 << 17, Files: 1, Bsize: 4096, Frsize: 4096, Namelen: 255}
	if got != want {
		t.Errorf("statfs = %+v, want %+v", got, want)
	}
}

// Everything that would write is refused, and what we do not know is named so.
func TestRefusal(t *testing.T) {
	tests := []struct {
		req  fuse.Request
		want error
	}{
		{&fuse.WriteRequest{}, errReadOnly}, {&fuse.CreateRequest{}, errReadOnly},
		{&fuse.MkdirRequest{}, errReadOnly}, {&fuse.MknodRequest{}, errReadOnly},
		{&fuse.SymlinkRequest{}, errReadOnly}, {&fuse.LinkRequest{}, errReadOnly},
		{&fuse.RenameRequest{}, errReadOnly}, {&fuse.RemoveRequest{}, errReadOnly},
		{&fuse.SetattrRequest{}, errReadOnly}, {&fuse.SetxattrRequest{}, errReadOnly},
		{&fuse.RemovexattrRequest{}, errReadOnly}, {&fuse.FAllocateRequest{}, errReadOnly},
		{&fuse.FlushRequest{}, errNoSys}, {&fuse.AccessRequest{}, errNoSys},
		{&fuse.PollRequest{}, errNoSys}, {&fuse.FsyncRequest{}, errNoSys},
		{&fuse.UnrecognizedRequest{Opcode: 46}, errNoSys},
		{&fuse.UnrecognizedRequest{Opcode: opIoctl}, errNoTTY},
	}
	for _, tt := range tests {
		if got := refusal(tt.req); got != tt.want {
			t.Errorf("refusal(%T) = %v, want %v", tt.req, got, tt.want)
		}
	}
}
