package share

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

func TestPublish(t *testing.T) {
	b := openBox(t, nil)
	for _, n := range []int{1, 16 << 10, 16<<10 + 1, 64 << 10, 64<<10 + 1, 1 << 20, 3<<20 + 7, 17 << 20} {
		data := random(n)
		name := fmt.Sprintf("d/e/file %d.bin", n)
		b.write(name, data)
		start := time.Now()
		f := b.await(name)
		if took := time.Since(start); took > 300*time.Millisecond {
			t.Logf("%d bytes: published %v after the copy", n, took)
		}
		want, err := hashing.File(context.Background(), bytes.NewReader(data), hashing.Config{PieceLength: metainfo.PieceLength(int64(n)), Length: int64(n)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(b.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind != Regular || f.Size != int64(n) || f.Root != want.Root || !f.MTime.Equal(fi.ModTime()) || f.Exec {
			t.Errorf("%d bytes: got %+v, want root %s", n, f, want.Root)
		}
		checkTorrents(t, b, f)
		b.holds(f, data)
	}
	if d, ok := b.file("d/e"); !ok || d.Kind != Dir {
		t.Errorf("directory: got %+v %v", d, ok)
	}
}

// checkTorrents checks both torrents of f and that they are found.
func checkTorrents(t *testing.T, b *box, f File) {
	t.Helper()
	for _, v := range []Version{V1, V2} {
		m, err := b.MetaInfo(f, v)
		if err != nil {
			t.Fatalf("%s v%d: %v", f.Path, v, err)
		}
		if m.Info.Name != filepath.Base(f.Path) || m.Info.Length() != f.Size || m.Info.V1 != (v == V1) || m.Info.V2 != (v == V2) {
			t.Errorf("%s v%d: got %+v", f.Path, v, m.Info)
		}
		ih := m.Info.InfoHashes()[0]
		if v == V1 && ih != f.V1 {
			t.Errorf("%s: v1 infohash is %s, published %s", f.Path, ih, f.V1)
		}
		if got, gotV, ok := b.Lookup(ih); !ok || got.Root != f.Root || gotV != v {
			t.Errorf("%s v%d: Lookup gives %+v %d %v", f.Path, v, got, gotV, ok)
		}
		if missing := m.Info.MissingLayers(m.Layers); len(missing) > 0 {
			t.Errorf("%s v%d: layers missing: %v", f.Path, v, missing)
		}
		if data, err := m.Marshal(); err != nil {
			t.Errorf("%s v%d: %v", f.Path, v, err)
		} else if _, err := metainfo.Parse(data); err != nil {
			t.Errorf("%s v%d: %v", f.Path, v, err)
		}
	}
	if got, ok := b.ByContent(f.Content()); !ok || got.Root != f.Root {
		t.Errorf("%s: ByContent gives %+v %v", f.Path, got, ok)
	}
}

func TestWhatIsNotPublished(t *testing.T) {
	b := openBox(t, nil)
	if _, _, ok := b.Lookup(metainfo.Hash{}); ok {
		t.Error("Lookup of zero finds something")
	}
	if _, ok := b.ByContent(metainfo.Content{}); ok {
		t.Error("ByContent of nothing finds something")
	}
	if _, err := b.Reader(metainfo.Content{Root: metainfo.Hash256{1}, Size: 1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reader: got %v", err)
	}
	if _, err := b.MetaInfo(File{Path: "x"}, V1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("MetaInfo: got %v", err)
	}
}

func TestEmptyFile(t *testing.T) {
	b := openBox(t, nil)
	b.write("empty", nil)
	f := b.await("empty")
	if f.Kind != Regular || f.Size != 0 || !f.Root.IsZero() || !f.V1.IsZero() {
		t.Errorf("got %+v", f)
	}
	if _, err := b.MetaInfo(f, V2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("MetaInfo: got %v", err)
	}
	b.write("empty", []byte("no more"))
	b.until("filled", func() bool { f, _ := b.file("empty"); return f.Size == 7 })
	b.must(os.Truncate(b.path("empty"), 0))
	b.until("empty again", func() bool { f, _ := b.file("empty"); return f.Size == 0 })
	if st := b.Stats(); st.Hashed != 1 {
		t.Errorf("hashed %d files, want 1", st.Hashed)
	}
}

func TestManySmallFiles(t *testing.T) {
	const n = 2000
	b := openBox(t, nil)
	src := t.TempDir()
	for i := range n {
		dir := filepath.Join(src, fmt.Sprintf("d%02d", i%40))
		b.must(os.MkdirAll(dir, 0o755))
		b.must(os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%04d", i)), fmt.Appendf(nil, "file %d", i), 0o644))
	}
	start := time.Now()
	b.must(os.CopyFS(b.path("tree"), os.DirFS(src)))
	copied := time.Since(start)
	b.until("all", func() bool { return b.Stats().Files == n })
	t.Logf("copied in %v, published %v later", copied, time.Since(start)-copied)
	files := b.Files()
	if !slices.IsSortedFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("Files is not sorted")
	}
	if len(files) != n+41 {
		t.Errorf("%d entries, want %d files and 41 directories", len(files), n)
	}
	if st := b.Stats(); st.Hashed != n {
		t.Errorf("hashed %d, want each once", st.Hashed)
	}
	b.reopen()
	if st := b.Stats(); st.Files != n || st.Hashed != 0 || st.Dirs != 41 {
		t.Errorf("after a restart: %+v", st)
	}
	b.must(os.RemoveAll(b.path("tree")))
	b.until("none", func() bool { return len(b.Files()) == 0 })
}

func TestRestartHashesNothing(t *testing.T) {
	b := openBox(t, nil)
	data := random(5 << 20)
	b.write("a/big", data)
	b.write("small", []byte("small"))
	before := []File{b.await("a/big"), b.await("small")}
	b.reopen()
	st := b.Stats()
	if st.Hashed != 0 || st.Queued != 0 || st.Waiting != 0 {
		t.Errorf("got %+v, want nothing to do", st)
	}
	for _, f := range before {
		if got, _ := b.file(f.Path); got != f {
			t.Errorf("got %+v, want %+v", got, f)
		}
		checkTorrents(t, b, f)
	}
	b.holds(before[0], data)
}

func TestRenameHashesNothing(t *testing.T) {
	b := openBox(t, nil)
	data := random(3 << 20)
	b.write("a/b/c", data)
	f := b.await("a/b/c")
	for i, step := range [][2]string{{"a/b/c", "a/d"}, {"a", "z"}, {"z/d", "top"}, {"z", "y"}} {
		b.must(os.Rename(b.path(step[0]), b.path(step[1])))
		want := []string{"a/d", "z/d", "top", "top"}[i]
		b.await(want)
		b.gone(step[0])
		got := b.await(want)
		if got.Root != f.Root {
			t.Errorf("%v: root is another one", step)
		}
		checkTorrents(t, b, got)
		b.holds(got, data)
	}
	b.await("y/b")
	if st := b.Stats(); st.Hashed != 1 {
		t.Errorf("hashed %d times, want once", st.Hashed)
	}
	b.reopen()
	if st := b.Stats(); st.Hashed != 0 || st.Files != 1 {
		t.Errorf("after a restart: %+v", st)
	}
}

// TestRenameIsOneChange looks at each snapshot: none may show both names of a
// moved directory, or neither.
func TestRenameIsOneChange(t *testing.T) {
	b := newBox(t, nil)
	for i := range 200 {
		b.write(fmt.Sprintf("from/%d", i), fmt.Appendf(nil, "%d", i))
	}
	b.open()
	b.until("all", func() bool { return b.Stats().Files == 200 })
	b.must(os.Rename(b.path("from"), b.path("to")))
	b.until("moved", func() bool {
		if n := len(b.Files()); n != 201 {
			t.Errorf("%d entries, want 201 at all times", n)
		}
		_, ok := b.file("to")
		return ok
	})
}

func TestEdit(t *testing.T) {
	edits := map[string]func(b *box, data []byte) error{
		"in place": func(b *box, data []byte) error { return os.WriteFile(b.path("f"), data, 0o644) },
		"by rename": func(b *box, data []byte) error {
			b.write(".f.swp", data)
			return os.Rename(b.path(".f.swp"), b.path("f"))
		},
		"removed and made": func(b *box, data []byte) error {
			return errors.Join(os.Remove(b.path("f")), os.WriteFile(b.path("f"), data, 0o644))
		},
		"appended": func(b *box, data []byte) error {
			f, err := os.OpenFile(b.path("f"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(data)
			return errors.Join(err, f.Close())
		},
		"cut": func(b *box, data []byte) error { return os.Truncate(b.path("f"), 77) },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			b := openBox(t, nil)
			b.write("f", random(200<<10))
			old := b.await("f")
			r, err := b.Reader(old.Content())
			b.must(err)
			_, err = r.ReadAt(make([]byte, 1), 0)
			b.must(err)
			b.must(edit(b, random(100<<10)))
			b.until("new version", func() bool { f, ok := b.file("f"); return ok && f.Root != old.Root })
			f, _ := b.file("f")
			data, err := os.ReadFile(b.path("f"))
			b.must(err)
			b.holds(f, data)
			checkTorrents(t, b, f)
			if _, _, ok := b.Lookup(old.V1); ok {
				t.Error("the old torrent is still found")
			}
		})
	}
}

func TestRemove(t *testing.T) {
	b := openBox(t, nil)
	b.write("a/b/c", []byte("c"))
	b.write("a/d", []byte("d"))
	f := b.await("a/b/c")
	b.await("a/d")
	b.must(os.Remove(b.path("a/b/c")))
	b.gone("a/b/c")
	if _, _, ok := b.Lookup(f.V1); ok {
		t.Error("a removed file is found by its infohash")
	}
	b.must(os.RemoveAll(b.path("a")))
	b.until("empty", func() bool { return len(b.Files()) == 0 })
	if st := b.Stats(); st.Files != 0 || st.Dirs != 0 || st.Bytes != 0 || st.Unwatched != 0 {
		t.Errorf("got %+v, want nothing", st)
	}
	b.write("a/b/c", []byte("again"))
	b.await("a/b/c")
}

func TestKindChanges(t *testing.T) {
	b := openBox(t, nil)
	steps := []struct {
		name string
		make func() error
		kind Kind
	}{
		{"file", func() error { return os.WriteFile(b.path("x"), []byte("x"), 0o644) }, Regular},
		{"link", func() error { return os.Symlink("y", b.path("x")) }, Symlink},
		{"dir", func() error { return os.MkdirAll(b.path("x/sub/dir"), 0o755) }, Dir},
		{"file again", func() error { return os.WriteFile(b.path("x"), []byte("x2"), 0o644) }, Regular},
		{"dir again", func() error { return os.Mkdir(b.path("x"), 0o755) }, Dir},
		{"link again", func() error { return os.Symlink("z", b.path("x")) }, Symlink},
	}
	for _, s := range steps {
		b.must(os.RemoveAll(b.path("x")))
		b.must(s.make())
		b.until(s.name, func() bool { f, ok := b.file("x"); return ok && f.Kind == s.kind })
	}
	b.until("only it", func() bool { return len(b.Files()) == 1 })
}

func TestExecBitAndMode(t *testing.T) {
	b := openBox(t, nil)
	b.write("tool", []byte("#!/bin/sh\n"))
	f := b.await("tool")
	b.must(os.Chmod(b.path("tool"), 0o755))
	b.until("executable", func() bool { f, _ := b.file("tool"); return f.Exec })
	g, _ := b.file("tool")
	f.Exec = true
	if f != g {
		t.Errorf("got %+v, want %+v", g, f)
	}
	b.holds(g, []byte("#!/bin/sh\n"))
	b.must(os.Chmod(b.path("tool"), 0o644))
	b.until("not executable", func() bool { f, _ := b.file("tool"); return !f.Exec })
	if st := b.Stats(); st.Hashed != 1 {
		t.Errorf("hashed %d times, want once", st.Hashed)
	}
}

func TestSameContents(t *testing.T) {
	b := openBox(t, nil)
	data := random(100 << 10)
	b.write("a", data)
	b.write("b", data)
	b.write("d/a", data)
	b.must(os.Link(b.path("a"), b.path("hard")))
	for _, p := range []string{"a", "b", "d/a", "hard"} {
		checkTorrents(t, b, b.await(p))
	}
	a, _ := b.file("a")
	if da, _ := b.file("d/a"); da.V1 != a.V1 || da.Root != a.Root {
		t.Errorf("same name and contents, but %+v and %+v", a, da)
	}
	r, err := b.Reader(a.Content())
	b.must(err)
	for i, p := range []string{"a", "hard", "b"} { // each gone, another serves
		b.must(os.WriteFile(b.path(p), random(10+i), 0o644))
		if got, err := b.read(a); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("after %s changed: %v", p, err)
		}
		b.until("other "+p, func() bool { f, _ := b.file(p); return f.Root != a.Root })
	}
	b.must(os.Remove(b.path("d/a")))
	b.gone("d/a")
	if _, ok := b.ByContent(a.Content()); ok {
		t.Error("still found though no file has the contents")
	}
	_ = r
}

func TestParams(t *testing.T) {
	data := random(200 << 10)
	plain := openBox(t, nil)
	salted := openBox(t, func(c *Config) {
		c.Params = func(root metainfo.Hash256) metainfo.Options {
			return metainfo.Options{Private: true, Source: root.String()[:8]}
		}
	})
	var files []File
	for _, b := range []*box{plain, salted} {
		b.write("f", data)
		f := b.await("f")
		checkTorrents(t, b, f)
		files = append(files, f)
	}
	if files[0].Root != files[1].Root || files[0].V1 == files[1].V1 {
		t.Errorf("roots %s %s, infohashes %s %s; want the same, others", files[0].Root, files[1].Root, files[0].V1, files[1].V1)
	}
	m, err := salted.MetaInfo(files[1], V1)
	salted.must(err)
	if !m.Info.Private || m.Info.Source != files[1].Root.String()[:8] {
		t.Errorf("got private %v, source %q", m.Info.Private, m.Info.Source)
	}
	// The same state with other parameters: not hashed, other infohashes.
	salted.cfg.Params = nil
	salted.reopen()
	f := salted.await("f")
	if f != (File{Path: "f", Size: f.Size, MTime: f.MTime, Root: files[0].Root, V1: files[0].V1}) || salted.Stats().Hashed != 0 {
		t.Errorf("got %+v, want the infohash of %+v", f, files[0])
	}
}

func TestLongNames(t *testing.T) {
	b := openBox(t, nil)
	names := []string{strings.Repeat("n", 255), "with space", "grüße-世界-🎈", "new\nline", "-dash", "a'b\"c\\d"}
	for _, name := range names {
		b.write(name, []byte(name))
	}
	for _, name := range names {
		checkTorrents(t, b, b.await(name))
	}
}

func TestFilesIsASnapshot(t *testing.T) {
	b := openBox(t, nil)
	b.write("a", []byte("a"))
	b.await("a")
	before := b.Files()
	kept := slices.Clone(before)
	b.write("b", []byte("b"))
	b.await("b")
	b.must(os.Remove(b.path("a")))
	b.gone("a")
	if !slices.Equal(before, kept) {
		t.Errorf("a snapshot changed from %v to %v", kept, before)
	}
}

// TestDirTimes: a directory's time is that of its last change that is seen.
func TestDirTimes(t *testing.T) {
	b := openBox(t, nil)
	b.write("d/a", []byte("a"))
	b.await("d/a")
	dir := func() time.Time { f, _ := b.file("d"); return f.MTime }
	before := dir()
	b.write("d/.temporary", []byte("x"))
	b.stats("ignored", func(st Stats) bool { return st.Ignored == 1 })
	b.write("other", []byte("x"))
	b.await("other")
	if got := dir(); !got.Equal(before) {
		t.Errorf("%v became %v by a temporary file", before, got)
	}
	b.write("d/b", []byte("b"))
	b.await("d/b")
	if got := dir(); !got.After(before) {
		t.Errorf("still %v after a new file", got)
	}
}
