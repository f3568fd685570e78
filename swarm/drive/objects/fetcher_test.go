package objects

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
)

// shelves are catalogues by author: what each lacks. An object names the one of the
// next number.
type shelves map[catalog.Key][]catalog.Hash

func (s shelves) Needs(h catalog.Hash) bool {
	for _, list := range s {
		if slices.Contains(list, h) {
			return true
		}
	}
	return false
}

func (s shelves) Missing(k catalog.Key) []catalog.Hash { return s[k] }
func (s shelves) Group(catalog.Key) netip.Prefix       { return group(1) }

func (s shelves) PutObject(data []byte, _ time.Time) catalog.Progress {
	h, next := hash(int(data[0])), hash(int(data[0])+1)
	for k, list := range s {
		if slices.Contains(list, h) {
			s[k] = append(slices.DeleteFunc(list, func(x catalog.Hash) bool { return x == h }), next)
		}
	}
	return catalog.Progress{Missing: []catalog.Hash{next}}
}

var author = catalog.Key{77}

// A catalogue is fetched from its author where he is here, object by object, and
// from whoever told of it else.
func TestCatalogueIsFetched(t *testing.T) {
	s := shelves{author: {hash(1)}}
	f, now := New(s, s), time.Unix(1000, 0)
	f.Join(1, catalog.Key{1})
	f.Join(2, catalog.Key{2})
	f.Complete(author, 2)
	if got := asks(f.Due(now)); len(got) != 1 || !slices.Equal(got[2], []catalog.Hash{hash(1)}) {
		t.Fatalf("asked %v", got)
	}
	if f.Got(1, hash(1), []byte{1}, now) {
		t.Error("an object is taken from one who was not asked for it")
	}
	if !f.Got(2, hash(1), []byte{1}, now) {
		t.Error("an object that was asked for is not taken")
	}
	f.Join(3, author)
	f.Complete(author, 2)
	got := asks(f.Due(now))
	if len(got[3]) != 1 && len(got[2]) != 1 {
		t.Fatalf("asked %v for what the first one names", got)
	}
	s[author] = nil // replaced
	f.Expire(now)
	if f.Len() != 0 {
		t.Errorf("%d objects are wanted for a catalogue that was replaced", f.Len())
	}
}

// Who waits for an object is told once, whoever else waits for it; who has given up
// is not, and what nobody waits for any more is not fetched.
func TestAwait(t *testing.T) {
	f, now := New(shelves{}, shelves{}), time.Unix(1000, 0)
	f.Join(1, catalog.Key{1})
	f.Join(2, catalog.Key{2})
	told := map[string]string{}
	tell := func(who string) func([]byte) { return func(data []byte) { told[who] += string(data) } }
	f.Await(hash(1), []catalog.Key{{2}, {9}}, tell("first"))
	f.Await(hash(1), nil, tell("second"))
	third := f.Await(hash(1), nil, tell("third"))
	if got := asks(f.Due(now)); len(got) != 1 || len(got[2]) != 1 {
		t.Fatalf("asked %v, want the one who probably has it", got)
	}
	f.Cancel(third)
	f.Expire(now)
	if !f.Got(2, hash(1), []byte("x"), now) || told["first"] != "x" || told["second"] != "x" || told["third"] != "" {
		t.Errorf("told %v", told)
	}
	w := f.Await(hash(2), nil, tell("none"))
	f.Due(now)
	f.Cancel(w)
	if f.Len() != 0 {
		t.Error("what nobody waits for is wanted")
	}
	f.Await(hash(3), nil, tell("late"))
	f.Leave(1, catalog.Key{1})
	f.Leave(2, catalog.Key{2})
	if f.None(2, hash(3)) || len(f.Due(now)) != 0 {
		t.Error("one who left is asked")
	}
	f.Join(4, catalog.Key{2})
	if got := asks(f.Due(now)); len(got[4]) != 1 {
		t.Errorf("asked %v, want the one who came", got)
	}
}
