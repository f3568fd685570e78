package published

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
)

// TestAgainstModel makes random changes and compares the Set, and what somebody
// makes of the Deltas, with a plain map.
func TestAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	s := NewSet()
	o := NewOutbox(s)
	l := NewLedger(s, o)
	model := map[string]*Entry{}
	told := map[string]File{}
	for round := range 300 {
		for range r.IntN(20) {
			dir, name := []string{"", "d", "d/e"}[r.IntN(3)], fmt.Sprint("f", r.IntN(15))
			p := Join(dir, name)
			var e *Entry
			if r.IntN(3) > 0 {
				e = randomEntry(r, dir, name)
			}
			l.Change(model[p], e, time.Time{})
			if e == nil {
				delete(model, p)
			} else {
				model[p] = e
			}
		}
		if r.IntN(3) == 0 { // several changes become one
			continue
		}
		l.Publish()
		compare(t, s, model)
		if r.IntN(20) == 0 {
			o.Forget()
		}
		if r.IntN(2) == 0 {
			continue
		}
		told = take(o.Take(), told)
		if want := s.Files(); !slices.Equal(sorted(told), want) {
			t.Errorf("told of %v, want %v", sorted(told), want)
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

// take makes what others know of a Delta.
func take(d Delta, told map[string]File) map[string]File {
	if d.All {
		told = map[string]File{}
	}
	for _, p := range d.Gone {
		delete(told, p)
	}
	for _, f := range d.Put {
		told[f.Path] = f
	}
	return told
}

func sorted(files map[string]File) (out []File) {
	for _, p := range slices.Sorted(maps.Keys(files)) {
		out = append(out, files[p])
	}
	return out
}

func randomEntry(r *rand.Rand, dir, name string) *Entry {
	n := byte(1 + r.IntN(6)) // contents; equal ones are frequent
	mtime := int64(r.IntN(3))
	switch r.IntN(6) {
	case 0:
		return NewDir(dir, name, mtime)
	case 1:
		return NewSymlink(dir, name, fmt.Sprint(n), mtime)
	case 2:
		return &Entry{Dir: dir, Name: name, ID: inode.ID{MTime: mtime}}
	}
	return &Entry{
		Dir: dir, Name: name, ID: inode.ID{Size: int64(n), MTime: mtime},
		Root: metainfo.Hash256{n}, V1: metainfo.Hash{n}, V2: metainfo.Hash{0, n},
	}
}

func compare(t *testing.T, s *Set, model map[string]*Entry) {
	t.Helper()
	var want []File
	var count Counts
	contents, hashes := map[metainfo.Content]int{}, map[metainfo.Hash]int{}
	for _, p := range slices.Sorted(maps.Keys(model)) {
		e := model[p]
		want = append(want, e.File())
		count.add(e, 1)
		if got, ok := s.ByPath(p); !ok || got != e {
			t.Errorf("%s: found %v %v", p, got, ok)
		}
		if e.Hashed() {
			contents[e.Content()]++
			hashes[e.V1]++
			hashes[e.V2]++
		}
	}
	if got := s.Files(); !slices.Equal(got, want) || s.Count() != count {
		t.Errorf("got %v %+v, want %v %+v", got, s.Count(), want, count)
	}
	for n := range byte(8) {
		c := metainfo.Content{Root: metainfo.Hash256{n}, Size: int64(n)}
		entries := s.AllByContent(c)
		if len(entries) != contents[c] {
			t.Errorf("root %d: %d entries, want %d", n, len(entries), contents[c])
		}
		for _, e := range entries {
			if model[e.Path()] != e {
				t.Errorf("root %d: %s is not published like that", n, e.Path())
			}
		}
		if _, ok := s.Block(c.Root); ok != (contents[c] > 0) {
			t.Errorf("block %d: found %v", n, ok)
		}
		if _, ok := s.ByContent(metainfo.Content{Root: c.Root, Size: c.Size + 1}); ok {
			t.Errorf("root %d is found with another size", n)
		}
		for _, ih := range []metainfo.Hash{{n}, {0, n}} {
			if e, ok := s.ByHash(ih); ok != (hashes[ih] > 0) || ok && model[e.Path()] != e {
				t.Errorf("infohash %s: found %v, want %v", ih, ok, hashes[ih] > 0)
			}
		}
	}
	if _, ok := s.ByPath("nothing"); ok {
		t.Error("found what is not there")
	}
}

// TestNumbersThatMeet has entries that are found by the same number, though they
// are of other contents.
func TestNumbersThatMeet(t *testing.T) {
	s := NewSet()
	l := NewLedger(s, NewOutbox(s))
	root := func(last byte) (h metainfo.Hash256) { h[31] = last; return h }
	var all []*Entry
	for n := range byte(3) {
		e := &Entry{Name: fmt.Sprint(n), ID: inode.ID{Size: 5}, Root: root(n), V1: metainfo.Hash{9, 9, 9, 9, 9, 9, 9, 9, n}, V2: metainfo.Hash{n, 1}}
		l.Change(nil, e, time.Time{})
		all = append(all, e)
	}
	l.Publish()
	for _, e := range all {
		if got, ok := s.ByContent(e.Content()); !ok || got != e {
			t.Errorf("%s: by content: %v %v", e.Name, got, ok)
		}
		if got, ok := s.ByHash(e.V1); !ok || got != e {
			t.Errorf("%s: by infohash: %v %v", e.Name, got, ok)
		}
	}
	if _, ok := s.ByContent(metainfo.Content{Root: root(77), Size: 5}); ok {
		t.Error("found another root")
	}
}

func TestTakenBackIsNotTold(t *testing.T) {
	s := NewSet()
	o := NewOutbox(s)
	l := NewLedger(s, o)
	o.Tell()
	<-o.Ready()
	if d := o.Take(); !d.All || len(d.Put) != 0 {
		t.Errorf("first %+v, want all of nothing", d)
	}
	a, same := NewDir("", "a", 1), NewDir("", "a", 1)
	l.Change(nil, a, time.Time{})
	l.Change(a, nil, time.Time{})
	if _, any := l.Since(); any {
		t.Error("a change is left")
	}
	l.Change(nil, a, time.Time{})
	l.Publish()
	o.Take()
	l.Change(a, same, time.Time{}) // nobody sees a difference
	l.Publish()
	o.Tell()
	select {
	case <-o.Ready():
		t.Errorf("told of %+v", o.Take())
	default:
	}
	if got, _ := s.ByPath("a"); got != same {
		t.Error("the Set has the old entry")
	}
}

// TestOutboxIsBounded has paths come and go while nobody takes.
func TestOutboxIsBounded(t *testing.T) {
	s := NewSet()
	o := NewOutbox(s)
	l := NewLedger(s, o)
	o.Take()
	for i := range 30_000 {
		e := NewDir("", fmt.Sprint(i), 1)
		l.Change(nil, e, time.Time{})
		l.Publish()
		l.Change(e, nil, time.Time{})
		l.Publish()
	}
	if n := len(o.changed); n > 10_000 {
		t.Errorf("%d paths are kept", n)
	}
	if d := o.Take(); !d.All || len(d.Put) != 0 {
		t.Errorf("got all %v, %d and %d paths; want all of nothing", d.All, len(d.Put), len(d.Gone))
	}
}

func TestSplitJoin(t *testing.T) {
	for _, p := range []string{"a", "a/b", "a/b/c"} {
		if got := Join(Split(p)); got != p {
			t.Errorf("%q became %q", p, got)
		}
	}
	for _, k := range []Kind{Regular, Symlink, Dir, 99} {
		if k.String() == "" {
			t.Errorf("kind %d has no word", k)
		}
	}
}
