package objects

import (
	"testing"
	"time"

	"p2pfs/swarm/catalog"
)

// some are the objects that one author's catalogue lacks, of which Missing tells
// the first few: a State that is paced looks at no more.
type some struct {
	shelves
	lacking []catalog.Hash
}

func (s *some) Needs(h catalog.Hash) bool {
	for _, l := range s.lacking {
		if l == h {
			return true
		}
	}
	return false
}

func (s *some) Missing(catalog.Key) []catalog.Hash { return s.lacking[:min(len(s.lacking), 40)] }

func (s *some) PutObject(data []byte, _ time.Time) catalog.Progress {
	for i, h := range s.lacking {
		if h == hash(int(data[0])<<8|int(data[1])) {
			s.lacking = append(s.lacking[:i:i], s.lacking[i+1:]...)
			break
		}
	}
	return catalog.Progress{}
}

// All of a catalogue is asked for, though what it lacks is told in parts, and what
// is told again is wanted already, mostly.
func TestAllIsAskedFor(t *testing.T) {
	s := &some{}
	const all = 3000
	number := map[catalog.Hash]int{}
	for i := range all {
		h := hash(i)
		number[h] = i
		s.lacking = append(s.lacking, h)
	}
	f, now := New(s, s), time.Unix(1000, 0)
	f.Join(1, author)
	f.Complete(author)
	for len(s.lacking) > 0 {
		asked := asks(f.Due(now))[1]
		if len(asked) == 0 {
			t.Fatalf("nothing is asked for, and %d objects are not here", len(s.lacking))
		}
		for _, h := range asked {
			n := number[h]
			if !f.Got(1, h, []byte{byte(n >> 8), byte(n)}, now) {
				t.Fatal("an answer is not taken")
			}
		}
	}
	f.Due(now)
	if f.Len() != 0 {
		t.Errorf("%d objects are wanted", f.Len())
	}
}
