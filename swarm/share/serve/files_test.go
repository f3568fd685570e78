package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/record"
)

// shelf is Files of a directory of a test, which is their records, too.
type shelf struct {
	*Files
	t      *testing.T
	dir    string
	root   *os.Root
	ledger *published.Ledger
	hashes map[inode.ID]*record.Hashes
	put    []record.Summary
	doubts []Doubt
}

func (s *shelf) Hashes(id inode.ID) *record.Hashes { return s.hashes[id] }
func (s *shelf) Find(id inode.ID) (record.Summary, bool) {
	h := s.hashes[id]
	if h == nil {
		return record.Summary{}, false
	}
	return record.Summary{Root: h.Root}, true
}
func (s *shelf) Put(_ inode.ID, sum record.Summary, _ *record.Hashes) { s.put = append(s.put, sum) }

func newShelf(t *testing.T, open int) *shelf {
	t.Helper()
	s := &shelf{t: t, dir: t.TempDir(), hashes: map[inode.ID]*record.Hashes{}}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.root = root
	set := published.NewSet()
	s.ledger = published.NewLedger(set, published.NewOutbox(set))
	s.Files = New(Config{
		Set: set, Records: s, MaxOpen: open,
		Open:  func(path string) (*os.File, inode.Meta, error) { return inode.Open(root, path) },
		Doubt: func(_ *published.Entry, how Doubt) { s.doubts = append(s.doubts, how) },
	})
	t.Cleanup(func() { s.Files.Close(); root.Close() })
	return s
}

// publish makes a file, and publishes it as hashed under its change time, or
// under another one.
func (s *shelf) publish(name string, data []byte, sameTime bool) *published.Entry {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o644); err != nil {
		s.t.Fatal(err)
	}
	f, m, err := inode.Open(s.root, name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	h, err := hashing.File(context.Background(), f, hashing.Config{PieceLength: metainfo.PieceLength(m.Size), Length: m.Size}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.hashes[m.ID] = &record.Hashes{Root: h.Root, Pieces: h.Pieces, Layer: h.Layer}
	e := &published.Entry{Name: name, ID: m.ID, Root: h.Root}
	e.CTime.Store(published.Doubted)
	if sameTime {
		e.CTime.Store(m.CTime)
	}
	s.ledger.Change(nil, e, time.Time{})
	s.ledger.Publish()
	return e
}

func (s *shelf) read(e *published.Entry) ([]byte, error) {
	s.t.Helper()
	r, err := s.Reader(e.Content())
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// old waits until a change of a file shows in its change time.
func (s *shelf) old(name string) {
	s.t.Helper()
	f, m, err := inode.Open(s.root, name)
	if err != nil {
		s.t.Fatal(err)
	}
	f.Close()
	for inode.Young(m.CTime, time.Now()) > 0 {
		runtime.Gosched()
	}
}

func TestServesWhatWasPublished(t *testing.T) {
	s := newShelf(t, 0)
	data := bytes.Repeat([]byte("0123456789"), 20000)
	e := s.publish("f", data, true)
	if got, err := s.read(e); err != nil || !bytes.Equal(got, data) || len(s.doubts) > 0 {
		t.Errorf("read %d bytes, %v; doubts %v", len(got), err, s.doubts)
	}
	if err := os.Truncate(filepath.Join(s.dir, "f"), 100); err != nil {
		t.Fatal(err)
	}
	if got, err := s.read(e); !errors.Is(err, ErrChanged) || len(s.doubts) == 0 || s.doubts[0] != Changed {
		t.Errorf("cut: read %d bytes, %v; doubts %v", len(got), err, s.doubts)
	}
	if _, err := s.Reader(metainfo.Content{Size: 5}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not published: %v", err)
	}
}

func TestVerifiesUnderAnotherTime(t *testing.T) {
	s := newShelf(t, 0)
	data := bytes.Repeat([]byte("0123456789"), 20000)
	e := s.publish("f", data, false)
	s.old("f")
	if got, err := s.read(e); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if len(s.put) != 1 || !s.put[0].Sound || s.put[0].CTime != e.CTime.Load() || e.CTime.Load() == published.Doubted {
		t.Errorf("put on record: %+v", s.put)
	}
	data[0]++
	e = s.publish("g", data, false)
	s.hashes[e.ID].Layer[1][0] ^= 1 // the second of four pieces
	if got, err := s.read(e); !errors.Is(err, ErrChanged) || len(got) > 64<<10 {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if n := len(s.doubts); n == 0 || s.doubts[n-1] != Unhashed {
		t.Errorf("doubts %v", s.doubts)
	}
}

func TestVerify(t *testing.T) {
	s := newShelf(t, 0)
	e := s.publish("f", make([]byte, 200<<10), true)
	done := int64(0)
	if err := s.Verify(context.Background(), e, func(n int64) { done += n }); err != nil || done != 200<<10 {
		t.Errorf("%v, %d bytes", err, done)
	}
	delete(s.hashes, e.ID)
	if err := s.Verify(context.Background(), e, func(int64) {}); !errors.Is(err, ErrChanged) {
		t.Errorf("hashes lost: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Verify(ctx, s.publish("g", make([]byte, 200<<10), true), func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestOpenIsBounded(t *testing.T) {
	s := newShelf(t, 2)
	var entries []*published.Entry
	for i := range 5 {
		entries = append(entries, s.publish(string(rune('a'+i)), bytes.Repeat([]byte{byte(i)}, 100), true))
	}
	kept, err := s.Reader(entries[0].Content())
	if err == nil {
		err = kept.Keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, err := s.read(e); err != nil {
			t.Error(err)
		}
		if n := len(s.open.files); n > 2 || n != s.open.order.Len() {
			t.Errorf("%d open, %d in the list", n, s.open.order.Len())
		}
	}
	if s.open.files[entries[0].ID] == nil {
		t.Error("what is in use was closed")
	}
	kept.Close()
	s.Expire(time.Now().Add(time.Hour))
	if n := len(s.open.files); n != 0 {
		t.Errorf("%d open after an hour", n)
	}
	s.Files.Close()
	if _, err := s.read(entries[0]); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
