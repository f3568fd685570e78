package held

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// fakeStore is a Store of lengths. Safe for concurrent use.
type fakeStore struct {
	mu   sync.Mutex
	size map[Key]int64
	pins map[Key]int
}

func newFakeStore() *fakeStore { return &fakeStore{size: map[Key]int64{}, pins: map[Key]int{}} }

func (s *fakeStore) Size(k Key) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.size[k]
	return n, ok
}

func (s *fakeStore) put(k Key, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size[k] = n
}

func (s *fakeStore) drop(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.size, k)
}

func (s *fakeStore) Pin(k Key)   { s.pin(k, 1) }
func (s *fakeStore) Unpin(k Key) { s.pin(k, -1) }

func (s *fakeStore) pin(k Key, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[k] += n
}

// torrent makes a torrent of one file, or of three where the kind can have them.
func torrent(t *testing.T, kind swarmtest.Kind, name string, seed uint64) *swarmtest.Torrent {
	t.Helper()
	return swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: name, PieceLength: 32 << 10, Files: []swarmtest.File{
		{Path: "dir/one", Data: swarmtest.Bytes(seed, 150_000)}, {Path: "dir/two", Data: []byte("x")}, {Path: "three", Data: swarmtest.Bytes(seed+1, 70_000)},
	}})
}

// key is a piece's name, which has to be known.
func key(t *testing.T, m *metainfo.MetaInfo, piece int) Key {
	t.Helper()
	k, ok := PieceKey(m.Info, m.Layers, piece)
	if !ok {
		t.Fatalf("no name for piece %d", piece)
	}
	return k
}

// TestIndex stores and evicts pieces of two torrents at random, and holds what the
// index says against a plain map.
func TestIndex(t *testing.T) {
	for _, kind := range swarmtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			store := newFakeStore()
			x := NewIndex(store)
			tors := []*swarmtest.Torrent{torrent(t, kind, "a", 1), torrent(t, kind, "b", 3)}
			known := []*Torrent{x.Add(tors[0].Meta), x.Add(tors[1].Meta)}
			model := map[string]bool{} // "torrent piece"
			for range 500 {
				i := rng.IntN(2)
				info := tors[i].Meta.Info
				piece := rng.IntN(info.Pieces.Count())
				k := key(t, tors[i].Meta, piece)
				if rng.IntN(2) == 0 {
					store.put(k, int64(info.Pieces.Size(piece)))
					x.Stored(known[i], piece, k)
				} else {
					store.drop(k)
					x.Evicted(k)
				}
				for j, tor := range tors { // equal pieces of both are one
					for p := range tor.Meta.Info.Pieces.Count() {
						if key(t, tor.Meta, p) == k {
							_, model[fmt.Sprint(j, p)] = store.size[k]
						}
					}
				}
				check(t, x, tors, model)
			}
		})
	}
}

// check compares an index with a model of it.
func check(t *testing.T, x *Index, tors []*swarmtest.Torrent, model map[string]bool) {
	t.Helper()
	for i, tor := range tors {
		info, any := tor.Meta.Info, false
		for p := range info.Pieces.Count() {
			want := model[fmt.Sprint(i, p)]
			any = any || want
			if _, got := x.Key(info, p); got != want {
				t.Fatalf("torrent %d, piece %d: held %t, want %t", i, p, got, want)
			}
		}
		if got := x.MetaInfo(info.InfoHashes()[0]) != nil; got && !any {
			t.Fatalf("torrent %d: something is held, want nothing", i)
		}
		for f := range info.Files {
			var want int64
			for _, part := range Parts(info, f) {
				if model[fmt.Sprint(i, part.Index)] {
					want += part.Len
				}
			}
			if got := x.LocalIn(info, f); got > want {
				t.Fatalf("torrent %d, file %d: %d bytes, want %d at most", i, f, got, want)
			}
		}
	}
}

// TestOtherName finds the pieces of a file under another name of it.
func TestOtherName(t *testing.T) {
	store := newFakeStore()
	x := NewIndex(store)
	const size = 300_000
	build := func(name string) (*metainfo.MetaInfo, metainfo.Content) {
		tor := swarmtest.Make(t, swarmtest.Spec{Kind: swarmtest.V2, Name: name, PieceLength: int(metainfo.PieceLength(size)), Single: true, Files: []swarmtest.File{
			{Data: swarmtest.Bytes(7, size)},
		}})
		return tor.Meta, tor.Meta.Info.Content(0)
	}
	first, of := build("first")
	second, _ := build("second")
	x.Add(first)
	other := x.Add(second)
	k := key(t, second, 1)
	store.put(k, int64(second.Info.Pieces.Size(1)))
	x.Stored(other, 1, k)
	if got, want := x.Local(of), int64(second.Info.Pieces.Size(1)); got != want {
		t.Errorf("%d bytes of the file are here, want %d", got, want)
	}
	if b := x.Pieces(of); b == nil || !b.Test(1) || b.Count() != 1 {
		t.Errorf("pieces %v, want the second", b)
	}
	if gone := x.Evicted(k); len(gone) != 2 || gone[0].Index != 1 || x.Local(of) != 0 {
		t.Errorf("evicted %v, %d bytes left; want a piece of both torrents, and none", gone, x.Local(of))
	}
	store.put(k, int64(second.Info.Pieces.Size(1))+1) // the same root, another length
	if _, here := x.Key(first.Info, 1); here {
		t.Error("a piece of another length is taken for this one")
	}
}

// TestRestart finds pieces, and what is pinned of them, by what is kept beside the
// store.
func TestRestart(t *testing.T) {
	for _, kind := range swarmtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			dir, store := t.TempDir(), newFakeStore()
			log := slog.New(slog.DiscardHandler)
			open := func() (*Index, *Sidecars, *Pins) {
				x := NewIndex(store)
				s, err := OpenSidecars(filepath.Join(dir, "torrents"), x, log)
				if err != nil {
					t.Fatal(err)
				}
				p, err := OpenPins(filepath.Join(dir, "pins"), store, x)
				if err != nil {
					t.Fatal(err)
				}
				return x, s, p
			}
			m := torrent(t, kind, "a", 1).Meta
			file := m.Info.Pieces.FileOf(0)
			x, s, p := open()
			bare := *m
			bare.Layers = nil
			at := x.Add(&bare)
			p.Add(m.Info, NewPin(m.Info, file, "one"))
			for _, part := range Parts(m.Info, file) {
				k := key(t, m, part.Index)
				p.Storing(m.Info, part.Index, k)
				store.put(k, int64(m.Info.Pieces.Size(part.Index)))
				x.Stored(at, part.Index, k)
				s.Keep(at, m.Layers)
			}
			if err := p.Save(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			store.pins = map[Key]int{}
			x, s, p = open()
			defer s.Close()
			for _, part := range Parts(m.Info, file) {
				if k, here := x.Key(m.Info, part.Index); !here || store.pins[k] != 1 {
					t.Errorf("piece %d: held %t, pinned %d times after a restart", part.Index, here, store.pins[k])
				}
			}
			if s.Load(m.Info.InfoHashes()[0]) == nil || len(p.Below("one")) != 1 || p.Bytes() < m.Info.Files[file].Length {
				t.Errorf("after a restart %d files of %d bytes are pinned", len(p.Below("")), p.Bytes())
			}
			if !p.Remove(PinOf(m.Info, file)) || p.Remove(PinOf(m.Info, file)) || p.Bytes() != 0 {
				t.Error("a pin is not removed once")
			}
			for k, n := range store.pins {
				if n != 0 {
					t.Errorf("%x is still pinned %d times", k[:4], n)
				}
			}
		})
	}
}
