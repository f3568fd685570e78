//go:build linux

package fs

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"bazil.org/fuse"
)

func TestInodeNumbers(t *testing.T) {
	a, b := [32]byte{1}, [32]byte{2}
	distinct := map[uint64]string{1: "root"}
	for _, n := range []node{
		{"x", File, a}, {"x", File, b}, {"y", File, a}, {"x", File, [32]byte{}},
		{path: "x", kind: Dir}, {path: "x/y", kind: Dir},
		nodeOf("x", &Entry{Kind: Symlink, Target: "a"}),
		nodeOf("x", &Entry{Kind: Symlink, Target: "b"}),
	} {
		ino := n.inode()
		if old, ok := distinct[ino]; ok || ino == 0 {
			t.Errorf("inode of %v is %d, as of %s", n, ino, old)
		}
		distinct[ino] = n.path
		if again := n.inode(); again != ino {
			t.Errorf("inode of %v is %d, then %d", n, ino, again)
		}
	}
	if got := root.inode(); got != 1 {
		t.Errorf("inode of the root = %d, want 1", got)
	}
	// Written down: numbers stay the same from run to run, and from version
	// to version, for whoever keeps them (backup programs do).
	const want = 0x9d4bf633c0dd4cc1 // printf a/b | sha256sum, low byte first
	if got := (node{path: "a/b", kind: Dir}).inode(); got != want {
		t.Errorf("inode of a/b = %#x, want %#x", got, uint64(want))
	}
}

// Directories are the same node whatever their Content says, others are not.
func TestNodeOf(t *testing.T) {
	tests := []struct {
		a, b Entry
		same bool
	}{
		{Entry{Kind: Dir, Content: [32]byte{1}}, Entry{Kind: Dir}, true},
		{Entry{Content: [32]byte{1}}, Entry{Content: [32]byte{1}, MTime: time.Unix(5, 0), Exec: true, Local: 7}, true},
		{Entry{Content: [32]byte{1}}, Entry{Content: [32]byte{2}}, false},
		{Entry{Kind: File}, Entry{Kind: Dir}, false},
		{Entry{Kind: Symlink, Target: "a"}, Entry{Kind: Symlink, Target: "b"}, false},
		{Entry{Kind: Symlink, Target: "a", MTime: time.Unix(5, 0)}, Entry{Kind: Symlink, Target: "a"}, true},
		{Entry{Volatile: true, Content: [32]byte{1}}, Entry{Volatile: true, Size: 9}, true},
	}
	for _, tt := range tests {
		if got := nodeOf("p", &tt.a) == nodeOf("p", &tt.b); got != tt.same {
			t.Errorf("nodeOf(%+v) == nodeOf(%+v) is %v, want %v", tt.a, tt.b, got, tt.same)
		}
	}
}

func TestAttr(t *testing.T) {
	f := newFiles(newMem())
	mtime := time.Unix(1_700_000_000, 5)
	tests := []struct {
		e      Entry
		mode   os.FileMode
		size   uint64
		blocks uint64
	}{
		{Entry{Kind: Dir}, os.ModeDir | 0o555, 0, 0},
		{Entry{Kind: Symlink, Target: "../x"}, os.ModeSymlink | 0o777, 4, 0},
		{Entry{}, 0o444, 0, 0},
		{Entry{Local: 512}, 0o444, 0, 0},
		{Entry{Size: 1}, 0o444, 1, 1},
		{Entry{Size: 1 << 40}, 0o444, 1 << 40, 1},
		{Entry{Size: 10_000, Local: 512}, 0o444, 10_000, 1},
		{Entry{Size: 10_000, Local: 513}, 0o444, 10_000, 2},
		{Entry{Size: 10_000, Local: 10_000}, 0o444, 10_000, 20},
		{Entry{Size: 10_000, Local: 1 << 20}, 0o444, 10_000, 20},
		{Entry{Size: 1, Local: 1, Exec: true}, 0o555, 1, 1},
		{Entry{Size: -1}, 0o444, 0, 0},
	}
	for _, tt := range tests {
		tt.e.MTime = mtime
		a := f.attr(nodeOf("p", &tt.e), &tt.e)
		if a.Mode != tt.mode || a.Size != tt.size || a.Blocks != tt.blocks {
			t.Errorf("attr(%+v): mode %v size %d blocks %d, want %v %d %d", tt.e, a.Mode, a.Size, a.Blocks, tt.mode, tt.size, tt.blocks)
		}
		if a.Valid < time.Hour || !a.Mtime.Equal(mtime) || a.Nlink == 0 || a.BlockSize == 0 {
			t.Errorf("attr(%+v) = %+v", tt.e, a)
		}
		if a.Uid != uint32(os.Getuid()) || a.Gid != uint32(os.Getgid()) {
			t.Errorf("owner %d:%d", a.Uid, a.Gid)
		}
	}
	if a := f.attr(node{}, &Entry{Volatile: true}); a.Valid != 0 {
		t.Errorf("a volatile file's attributes are valid for %v", a.Valid)
	}
}

func TestSane(t *testing.T) {
	tests := []struct{ in, want time.Time }{
		{time.Unix(1_700_000_000, 5), time.Unix(1_700_000_000, 5)},
		{time.Unix(0, 0), time.Unix(0, 0)},
		{time.Time{}, time.Unix(0, 0)},
		{time.Unix(-1, 500), time.Unix(-1, 0)},
		{time.Unix(-1<<40, 0), time.Unix(0, 0)},
		{time.Unix(1<<40, 7), time.Unix(9223372035, 0)},
	}
	for _, tt := range tests {
		got := sane(tt.in)
		if !got.Equal(tt.want) || !time.Unix(0, got.UnixNano()).Equal(got) {
			t.Errorf("sane(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

// Types and inode numbers of a listing are those of lookup and getattr.
func TestListingAgreesWithAttr(t *testing.T) {
	tree := newMem()
	tree.put("d/file", []byte("x"))
	tree.put("d/empty", nil)
	tree.put("d/sub/deep/file", []byte("x"))
	tree.set("d/link", &memFile{e: Entry{Kind: Symlink, Target: "file"}})
	f := newFiles(tree)
	for _, dir := range []string{"", "d", "d/sub"} {
		id := find(t, f, dir)
		for _, de := range list(t, f, id)[2:] {
			resp, err := f.lookup(t.Context(), id, de.Name)
			if err != nil {
				t.Fatalf("lookup %s in %s: %v", de.Name, dir, err)
			}
			a, err := f.getattr(t.Context(), resp.Node)
			if err != nil || a != resp.Attr || a.Inode != de.Inode {
				t.Errorf("%s/%s: listed as inode %d, lookup %v, getattr %v (%v)", dir, de.Name, de.Inode, resp.Attr, a, err)
			}
			want := map[os.FileMode]fuse.DirentType{0: fuse.DT_File, os.ModeDir: fuse.DT_Dir, os.ModeSymlink: fuse.DT_Link}[a.Mode.Type()]
			if de.Type != want {
				t.Errorf("%s/%s: listed as %v, want %v", dir, de.Name, de.Type, want)
			}
		}
	}
}

// find returns the number of the node at path, as the kernel would find it.
func find(t *testing.T, f *files, path string) fuse.NodeID {
	t.Helper()
	id := fuse.NodeID(fuse.RootID)
	if path == "" {
		return id
	}
	for name := range strings.SplitSeq(path, "/") {
		resp, err := f.lookup(context.Background(), id, name)
		if err != nil {
			t.Fatalf("lookup %q of %q: %v", name, path, err)
		}
		id = resp.Node
	}
	return id
}

// list opens a directory and reads all of it in small pieces.
func list(t *testing.T, f *files, id fuse.NodeID) []fuse.Dirent {
	t.Helper()
	o, err := f.open(t.Context(), &fuse.OpenRequest{Header: fuse.Header{Node: id}, Dir: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.release(o.Handle)
	var all []fuse.Dirent
	for next := int64(0); ; {
		b, err := f.readdir(t.Context(), o.Handle, next, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			return all
		}
		var some []fuse.Dirent
		some, next = dirents(t, b)
		all = append(all, some...)
	}
}

// dirents decodes a listing (struct fuse_dirent), and returns where it goes on.
func dirents(t *testing.T, b []byte) (l []fuse.Dirent, next int64) {
	t.Helper()
	for off := 0; off < len(b); {
		h := (*struct {
			Ino, Off uint64
			Len, Typ uint32
		})(unsafe.Pointer(&b[off]))
		end := off + 24 + int(h.Len)
		l = append(l, fuse.Dirent{Inode: h.Ino, Type: fuse.DirentType(h.Typ), Name: string(b[off+24 : end])})
		off = (end + 7) &^ 7
		if int64(h.Off) <= next {
			t.Fatalf("entry %q says the next is at %d, that before said %d", l[len(l)-1].Name, h.Off, next)
		}
		next = int64(h.Off)
	}
	return l, next
}
