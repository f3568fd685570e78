package tree

import (
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/share/ignore"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
)

// world is a Tree, what it publishes and what it said is gone.
type world struct {
	*Tree
	t      *testing.T
	set    *published.Set
	ledger *published.Ledger
	lost   []string // paths
}

func (w *world) FileGone(f *File) { w.lost = append(w.lost, f.Path()) }
func (w *world) DirGone(d *Dir)   { w.lost = append(w.lost, d.Path+"/") }

func newWorld(t *testing.T) *world {
	w := &world{t: t, set: published.NewSet()}
	w.ledger = published.NewLedger(w.set, published.NewOutbox(w.set))
	w.Tree = New(w.ledger, w, ignore.Temporary())
	w.Begin(time.Time{})
	return w
}

func at(ino uint64, mtime int64) inode.Meta {
	return inode.Meta{ID: inode.ID{Dev: 1, Ino: ino, MTime: mtime}}
}

// dir puts a directory in another one.
func (w *world) dir(up *Dir, name string, ino uint64) *Dir {
	d, _ := w.PutDir(up, name, at(ino, 1))
	return d
}

// file puts a link in a directory, and has it published.
func (w *world) file(d *Dir, name string) *File {
	f := w.PutFile(d, name)
	w.Publish(f, published.NewSymlink(d.Path, name, "x", 1), time.Time{})
	return f
}

// shows checks what is published.
func (w *world) shows(want ...string) {
	w.t.Helper()
	w.TouchDirs()
	w.ledger.Publish()
	var got []string
	for _, f := range w.set.Files() {
		got = append(got, f.Path)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("published %q, want %q", got, want)
	}
}

// said checks what was told to be gone since the last time.
func (w *world) said(want ...string) {
	w.t.Helper()
	slices.Sort(w.lost)
	if !slices.Equal(w.lost, want) {
		w.t.Errorf("told that %q are gone, want %q", w.lost, want)
	}
	w.lost = nil
}

func TestUnseenIsForgotten(t *testing.T) {
	w := newWorld(t)
	d := w.dir(w.Root, "d", 1)
	w.file(w.dir(d, "e", 2), "a")
	w.file(d, "b")
	c := w.file(d, "c")
	w.LeaveOut(d, "fifo", NotRegular)
	w.shows("d", "d/b", "d/c", "d/e", "d/e/a")
	w.Begin(time.Time{}) // another look at d finds c only
	w.Seen(c)
	w.ForgetUnseen(d)
	w.said("d/b", "d/e/", "d/e/a")
	w.shows("d", "d/c")
	if ignored, unfit := w.LeftOut(); w.Dirs() != 2 || ignored+unfit != 0 {
		t.Errorf("%d directories, %d and %d names left out", w.Dirs(), ignored, unfit)
	}
	if !w.Keep(d, "c") || w.Keep(d, "b") {
		t.Error("c is not kept, or b is")
	}
}

func TestOneNameHasOneKind(t *testing.T) {
	w := newWorld(t)
	d := w.dir(w.Root, "x", 1)
	w.file(d, "in")
	w.file(w.Root, "x")
	w.said("x/", "x/in")
	w.shows("x")
	if !w.LeaveOut(w.Root, "x", Ignored) || w.LeaveOut(w.Root, "x", Ignored) || !w.LeaveOut(w.Root, "x", Unreadable) {
		t.Error("what was left out first is not told from what was before")
	}
	w.said("x")
	w.shows()
	d = w.dir(w.Root, "x", 2)
	if ignored, unfit := w.LeftOut(); ignored+unfit != 0 {
		t.Errorf("%d and %d names left out, want none", ignored, unfit)
	}
	w.file(d, "in")
	if same, isNew := w.PutDir(w.Root, "x", at(2, 9)); isNew || same != d {
		t.Error("the same directory is taken for another")
	}
	if _, isNew := w.PutDir(w.Root, "x", at(3, 9)); !isNew || w.Knows(d) {
		t.Error("another directory is taken for the same")
	}
	w.said("x/", "x/in")
	w.shows("x")
}

// TestDirTimes: a directory has the time of its last change of published names.
func TestDirTimes(t *testing.T) {
	w := newWorld(t)
	d := w.dir(w.Root, "d", 1)
	mtime := func() int64 {
		e, _ := w.set.ByPath("d")
		return e.ID.MTime
	}
	w.shows("d")
	d.At.MTime = 5
	w.LeaveOut(d, ".temporary", Ignored)
	w.shows("d")
	if got := mtime(); got != 1 {
		t.Errorf("time %d after a name that is left out, want 1", got)
	}
	f := w.file(d, "f")
	w.shows("d", "d/f")
	if got := mtime(); got != 5 {
		t.Errorf("time %d after a new name, want 5", got)
	}
	d.At.MTime = 6
	w.Publish(f, published.NewSymlink("d", "f", "y", 2), time.Time{})
	w.shows("d", "d/f")
	if got := mtime(); got != 5 {
		t.Errorf("time %d after a change of contents, want 5", got)
	}
	w.Remove(d, "f")
	w.shows("d")
	if got := mtime(); got != 6 {
		t.Errorf("time %d after a removal, want 6", got)
	}
}

func TestReconsider(t *testing.T) {
	w := newWorld(t)
	d := w.dir(w.Root, "d", 1)
	w.file(d, "a.log")
	w.file(d, "b")
	sub := w.dir(d, "sub", 2)
	w.file(w.dir(d, "logs", 3), "x")
	d.Rules = ignore.Parse([]byte("*.log\nlogs/\n"), "d", d.Rules)
	if dirs := w.Reconsider(d); !slices.Equal(dirs, []*Dir{sub}) {
		t.Errorf("got %v, want sub only", dirs)
	}
	w.shows("d", "d/b", "d/sub")
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	e := w.dir(w.dir(w.Root, "d", 1), "e", 2)
	f := w.file(e, "f")
	for path, want := range map[string]*Dir{"f": w.Root, "d/e/f": e, "d/e/none": e, "d/x/f": nil, "d": w.Root} {
		if d, _, ok := w.Find(path); ok != (want != nil) || d != want {
			t.Errorf("%s: got %v %v", path, d, ok)
		}
	}
	if d, name, _ := w.Find("d/e/f"); d.File(name) != f {
		t.Error("d/e/f is not found")
	}
	n := 0
	w.Files(func(*File) { n++ })
	w.Empty(w.Root)
	w.shows()
	if n != 1 || w.Dirs() != 1 || w.Knows(e) {
		t.Errorf("%d files, %d directories left", n, w.Dirs())
	}
	seen := map[string]bool{}
	for r := Ignored; r <= Unreadable; r++ {
		if s := r.String(); s == "" || seen[s] {
			t.Errorf("reason %d: %q", r, s)
		}
		seen[r.String()] = true
	}
}
