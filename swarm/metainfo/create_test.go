package metainfo

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
)

// paths returns the files of a torrent that are no pads.
func paths(in *Info) []string {
	var list []string
	for _, f := range in.Files {
		if !f.Pad {
			list = append(list, strings.Join(f.Path, "/"))
		}
	}
	return list
}

func TestCreate(t *testing.T) {
	dir, _ := writeTree(t)
	for _, c := range []struct{ v1, v2 bool }{{true, false}, {false, true}, {true, true}, {false, false}} {
		for _, name := range []string{"dir", "f1", "f65537", "f1060921"} {
			var last, total atomic.Int64
			opt := CreateOptions{V1: c.v1, V2: c.v2, Progress: func(done, all int64) {
				if done <= last.Load() {
					t.Errorf("progress went from %d to %d", last.Load(), done)
				}
				last.Store(done)
				total.Store(all)
			}}
			opt.Comment, opt.CreatedBy, opt.Created = "c", "b", time.Unix(1, 0)
			opt.Trackers, opt.URLList = [][]string{{"udp://a:1", "udp://a:1"}, {"udp://b:1"}}, []string{"http://w/"}
			opt.Private, opt.Source = true, "s"
			m, err := Create(context.Background(), filepath.Join(dir, name), opt)
			if err != nil {
				t.Fatal(err)
			}
			in := m.Info
			if in.V1 != (c.v1 || !c.v2) || in.V2 != c.v2 || in.Name != name || in.Single != (name != "dir") || !in.Private || in.Source != "s" {
				t.Errorf("%s: got %+v", name, in)
			}
			if in.PieceLength != PieceLength(in.Length()) || last.Load() != in.Length() || total.Load() != in.Length() {
				t.Errorf("%s: pieces of %d, progress to %d of %d, want %d", name, in.PieceLength, last.Load(), total.Load(), in.Length())
			}
			checkContent(t, m, dir)
			data, err := m.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			m2, err := Parse(data)
			if err != nil || !reflect.DeepEqual(m2.Info, in) || m2.Comment != "c" || len(m2.Trackers) != 2 || !m2.Created.Equal(opt.Created) {
				t.Errorf("%s: read back %+v, %v", name, m2, err)
			}
		}
	}
}

func TestCreateSymlinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	for _, name := range []string{"a", "sub/b"} {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("a", "l1")
	link("../a", "sub/l2")
	link("sub", "l3")
	link("./sub/../nowhere", "l4")
	for _, opt := range []CreateOptions{{V1: true}, {V2: true}, {V1: true, V2: true}} {
		m, err := Create(context.Background(), dir, opt)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range m.Info.Files {
			if f.Symlink != nil {
				got[strings.Join(f.Path, "/")] = strings.Join(f.Symlink, "/")
			}
		}
		if want := map[string]string{"l1": "a", "sub/l2": "a", "l3": "sub", "l4": "nowhere"}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got, want := paths(m.Info), []string{"a", "l1", "l3", "l4", "sub/b", "sub/l2"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	for _, to := range []string{"/etc/passwd", "..", "../..", "../../etc", "sub/../../x", ".", "sub/.."} {
		link(to, "bad")
		if m, err := Create(context.Background(), dir, CreateOptions{}); err == nil {
			t.Errorf("a link to %q was taken: %+v", to, m.Info.Files)
		}
		if err := os.Remove(filepath.Join(dir, "bad")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, data, 0o644)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	file := write("f", make([]byte, 100_000))
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		opt  CreateOptions
	}{
		"nothing there":   {filepath.Join(dir, "none"), CreateOptions{}},
		"empty directory": {filepath.Join(dir, "empty"), CreateOptions{}},
		"device":          {"/dev/zero", CreateOptions{}},
		"root":            {"/", CreateOptions{}},
		"bad name":        {write("bad\xff", nil), CreateOptions{}},
		"bad name below":  {filepath.Dir(write("sub/bad\xff", nil)), CreateOptions{}},
		"too deep":        {filepath.Join(filepath.Dir(write("deep/"+strings.Repeat("x/", 64)+"f", nil)), strings.Repeat("../", 64)), CreateOptions{}},
		"negative piece":  {file, CreateOptions{PieceLength: -1}},
		"odd piece of v2": {file, CreateOptions{V2: true, PieceLength: 100_000}},
		"small piece":     {file, CreateOptions{V2: true, PieceLength: 8 << 10}},
		"large piece":     {file, CreateOptions{PieceLength: 128 << 20}},
	} {
		if m, err := Create(context.Background(), c.path, c.opt); err == nil {
			t.Errorf("%s: got %+v", name, m.Info)
		}
	}
	large := filepath.Join(dir, "large")
	if err := errors.Join(os.WriteFile(large, nil, 0o644), os.Truncate(large, 1<<20+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(context.Background(), large, CreateOptions{PieceLength: 1}); err == nil {
		t.Error("2^20 pieces and one were made")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, path := range []string{file, dir} {
		for _, opt := range []CreateOptions{{V1: true}, {V2: true}} {
			if _, err := Create(ctx, path, opt); !errors.Is(err, context.Canceled) {
				// The directory has a name that is refused before.
				if path == file || !strings.Contains(err.Error(), "UTF-8") {
					t.Errorf("%s cancelled: got %v", path, err)
				}
			}
		}
	}
}

// TestCreateChanged has files change between scan and hash, and while they
// are hashed.
func TestCreateChanged(t *testing.T) {
	for name, change := range map[string]func(p string) error{
		"cut":      func(p string) error { return os.Truncate(p, 1000) },
		"extended": func(p string) error { return os.Truncate(p, 4<<20) },
		"touched":  func(p string) error { return os.Chtimes(p, time.Time{}, time.Unix(5, 0)) },
		"replaced by a directory": func(p string) error {
			return errors.Join(os.Remove(p), os.Mkdir(p, 0o755))
		},
		"gone": os.Remove,
	} {
		for _, opt := range []CreateOptions{{V1: true}, {V2: true}, {V1: true, V2: true}} {
			dir := t.TempDir()
			for _, f := range []string{"a", "b", "c"} {
				if err := os.WriteFile(filepath.Join(dir, f), testBytes(3<<20, 1), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			opt.PieceLength = 64 << 10
			var changed atomic.Bool
			opt.Progress = func(done, total int64) {
				if changed.CompareAndSwap(false, true) {
					if err := change(filepath.Join(dir, "b")); err != nil {
						t.Error(err)
					}
				}
			}
			_, err := Create(context.Background(), dir, opt)
			if !errors.Is(err, hashing.ErrLength) && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s, %+v: got %v", name, opt.V2, err)
			}
		}
	}
}

// TestCreateSame makes the same torrent twice.
func TestCreateSame(t *testing.T) {
	dir, _ := writeTree(t)
	var first []byte
	for range 3 {
		m, err := Create(context.Background(), filepath.Join(dir, "dir"), CreateOptions{V1: true, V2: true})
		if err != nil {
			t.Fatal(err)
		}
		data, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(data, first) {
			t.Error("two torrents of one directory differ")
		}
	}
}
