package hasher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/record"
)

// memory is records that a test has.
type memory struct {
	sums   map[inode.ID]record.Summary
	hashes map[inode.ID]*record.Hashes
	full   bool
}

func (m *memory) Find(id inode.ID) (record.Summary, bool) { sum, ok := m.sums[id]; return sum, ok }
func (m *memory) Hashes(id inode.ID) *record.Hashes       { return m.hashes[id] }
func (m *memory) Full() bool                              { return m.full }

// bench is a Pool over a directory of a test.
type bench struct {
	*Pool
	t       *testing.T
	dir     string
	root    *os.Root
	known   *memory
	writing inode.Writing // what Writers says
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), known: &memory{map[inode.ID]record.Summary{}, map[inode.ID]*record.Hashes{}, false}, writing: inode.Free}
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	b.root = root
	ctx, cancel := context.WithCancel(context.Background())
	b.Pool = New(ctx, Config{
		Open:    func(path string) (*os.File, inode.Meta, error) { return inode.Open(root, path) },
		Writers: func(*os.File) inode.Writing { return b.writing },
		Disks:   inode.NewDisks(nil), Records: b.known, Guard: guard.New(nil),
	})
	t.Cleanup(func() { cancel(); b.Wait(); root.Close() })
	return b
}

// write makes a file and returns what it is known by.
func (b *bench) write(name string, data string) inode.ID {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(data), 0o644); err != nil {
		b.t.Fatal(err)
	}
	f, m, err := inode.Open(b.root, name)
	if err != nil {
		b.t.Fatal(err)
	}
	f.Close()
	return m.ID
}

// read starts a job and returns its end.
func (b *bench) read(id inode.ID, name string, still bool) Result {
	b.t.Helper()
	b.Start(id, name, still)
	b.Feed()
	r := <-b.Results()
	if !b.Ended(r) || b.Ended(r) {
		b.t.Error("a result is not that of the job, or is twice")
	}
	return r
}

func TestReads(t *testing.T) {
	b := newBench(t)
	id := b.write("f", "contents")
	r := b.read(id, "f", false)
	want := hashing.Root(hashing.AppendLeaves(nil, []byte("contents")), 1)
	if r.Err != nil || !r.Read || r.Hashes.Root != want || r.Summary.Root != want || !r.Summary.Sound {
		t.Fatalf("got %+v", r)
	}
	v1, err := b.Torrents.V1("f", id.Size, want, r.Hashes.Pieces)
	if err != nil || v1.HashV1 != r.Summary.V1 {
		t.Errorf("infohash %s of %v, summary %s", v1.HashV1, err, r.Summary.V1)
	}
	b.known.sums[id], b.known.hashes[id] = r.Summary, r.Hashes
	if again := b.read(id, "f", false); again.Read || again.Hashes != r.Hashes || again.Summary != r.Summary {
		t.Errorf("what was known was read again: %+v", again)
	}
	if r := b.read(b.write("empty", ""), "empty", false); r.Err != nil || r.Hashes != nil || r.Read {
		t.Errorf("empty: %+v", r)
	}
}

func TestDoesNotRead(t *testing.T) {
	b := newBench(t)
	id := b.write("f", "contents")
	other := id
	other.Size++
	for name, c := range map[string]struct {
		id      inode.ID
		path    string
		writing inode.Writing
		still   bool
		want    error
	}{
		"a writer":          {id, "f", inode.Busy, true, ErrBusy},
		"nobody tells":      {id, "f", inode.Unknown, false, ErrUnclear},
		"changed":           {other, "f", inode.Free, false, inode.ErrStale},
		"gone":              {id, "g", inode.Free, false, os.ErrNotExist},
		"a directory there": {id, ".", inode.Free, false, inode.ErrStale},
		"it stood still":    {id, "f", inode.Unknown, true, nil},
	} {
		b.writing = c.writing
		if r := b.read(c.id, c.path, c.still); !errors.Is(r.Err, c.want) || r.Read != (c.want == nil) {
			t.Errorf("%s: got %v, read %v; want %v", name, r.Err, r.Read, c.want)
		}
	}
}

func TestChangedWhileItIsRead(t *testing.T) {
	b := newBench(t)
	b.Hash = func(f *os.File, j *Job) (hashing.FileHashes, error) {
		if j.Path == "cut" {
			os.Truncate(filepath.Join(b.dir, j.Path), 3)
		} else {
			b.writing = inode.Busy
		}
		return j.Hash(context.Background(), f)
	}
	if r := b.read(b.write("cut", "contents"), "cut", false); !errors.Is(r.Err, inode.ErrStale) || !r.Read {
		t.Errorf("cut: %+v", r)
	}
	if r := b.read(b.write("f", "contents"), "f", false); !errors.Is(r.Err, ErrBusy) || !r.Read {
		t.Errorf("opened by a writer: %+v", r)
	}
}

func TestDrop(t *testing.T) {
	b := newBench(t)
	let := make(chan struct{})
	b.Hash = func(f *os.File, j *Job) (hashing.FileHashes, error) { <-let; return j.Hash(context.Background(), f) }
	id := b.write("f", "contents")
	b.Start(id, "f", false)
	b.Feed()
	for len(b.Progress()) == 0 { // until it is at it
		select {
		case r := <-b.Results():
			t.Fatalf("ended: %+v", r)
		default:
		}
	}
	b.Drop(id)
	close(let)
	if r := <-b.Results(); b.Ended(r) || !errors.Is(r.Err, ErrDropped) {
		t.Errorf("got %+v, of a job that was dropped", r)
	}
}

func TestWaitsForRoom(t *testing.T) {
	b := newBench(t)
	b.known.full = true
	id := b.write("f", "contents")
	b.Start(id, "f", false)
	b.Feed()
	if !b.Room() || len(b.Progress()) != 0 {
		t.Error("begun though no record can be taken")
	}
	for i := range cap(b.small) {
		b.Start(inode.ID{Ino: uint64(i)}, fmt.Sprint(i), false)
	}
	if b.Room() {
		t.Error("room for ever more")
	}
	b.known.full = false
	b.Feed()
	if r := <-b.Results(); !b.Ended(r) {
		t.Errorf("got %+v", r)
	}
}

func TestTagIsOfNameAndParams(t *testing.T) {
	plain := Torrents{}
	salted := Torrents{Params: func(metainfo.Hash256) metainfo.Options { return metainfo.Options{Source: "s"} }}
	root := metainfo.Hash256{1}
	tags := map[[8]byte]bool{plain.Tag("a", root): true, plain.Tag("b", root): true, salted.Tag("a", root): true}
	if len(tags) != 3 || plain.Tag("a", root) != plain.Tag("a", metainfo.Hash256{2}) {
		t.Errorf("%d tags, want 3", len(tags))
	}
}
