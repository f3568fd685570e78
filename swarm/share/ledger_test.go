package share

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
)

// TestLedgerAgainstModel makes random changes and compares the snapshots, the
// counts and the index with a plain map.
func TestLedgerAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	l, x := newLedger(), newIndex()
	top := newDir(nil, "")
	model := map[string]*entry{}
	for round := range 300 {
		for range r.IntN(20) {
			p := fmt.Sprint("f", r.IntN(40))
			var e *entry
			if r.IntN(3) > 0 {
				e = randomEntry(r, p)
			}
			l.set(top, p, model[p], e)
			if e == nil {
				delete(model, p)
			} else {
				model[p] = e
			}
		}
		before := slices.Clone(l.files)
		deltas, seen := l.publish(time.Now())
		x.apply(deltas)
		compare(t, l, x, model)
		if changed := !slices.Equal(before, l.files); changed != seen {
			t.Fatalf("round %d: changed %v, but said to be %v", round, changed, seen)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

func randomEntry(r *rand.Rand, p string) *entry {
	n := byte(1 + r.IntN(6)) // contents; equal ones are frequent
	e := &entry{File: File{Path: p, Kind: Kind(r.IntN(3))}}
	if e.Kind == Regular && r.IntN(5) > 0 {
		e.Size, e.Root, e.V1, e.v2 = int64(n), metainfo.Hash256{n}, metainfo.Hash{n}, metainfo.Hash{0, n}
	}
	return e
}

func compare(t *testing.T, l *ledger, x *index, model map[string]*entry) {
	t.Helper()
	var want []File
	var count Published
	roots, hashes := map[metainfo.Content]int{}, map[metainfo.Hash]int{}
	for _, p := range slices.Sorted(maps.Keys(model)) {
		e := model[p]
		want = append(want, e.File)
		count.add(e, 1)
		if e.hashed() {
			roots[e.Content()]++
			hashes[e.V1]++
			hashes[e.v2]++
		}
	}
	if !slices.Equal(l.files, want) || l.count != count {
		t.Errorf("got %v %+v, want %v %+v", l.files, l.count, want, count)
	}
	for n := range byte(8) {
		c := metainfo.Content{Root: metainfo.Hash256{n}, Size: int64(n)}
		entries := x.all(c)
		if len(entries) != roots[c] {
			t.Errorf("root %d: %d entries, want %d", n, len(entries), roots[c])
		}
		for _, e := range entries {
			if model[e.Path] != e {
				t.Errorf("root %d: %s is not published like that", n, e.Path)
			}
		}
		for _, ih := range []metainfo.Hash{{n}, {0, n}} {
			if e, ok := x.hash(ih); ok != (hashes[ih] > 0) || ok && model[e.Path] != e {
				t.Errorf("infohash %s: found %v, want %v", ih, ok, hashes[ih] > 0)
			}
		}
	}
	if len(x.byRoot.one) != len(roots) || len(x.byHash.one) != len(hashes) {
		t.Errorf("index of %d and %d, want %d and %d", len(x.byRoot.one), len(x.byHash.one), len(roots), len(hashes))
	}
}

func TestLedgerForgetsWhatWasTakenBack(t *testing.T) {
	l := newLedger()
	top := newDir(nil, "")
	e := &entry{File: File{Path: "a"}}
	l.set(top, "a", nil, e)
	l.set(top, "a", e, nil)
	if deltas, seen := l.publish(time.Now()); seen || len(deltas) != 0 {
		t.Errorf("got %v %v, want nothing", deltas, seen)
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
