package gossip

import (
	"time"

	"p2pfs/swarm/catalog"
)

// spareKnows is by how many authors more than are known here a member may have
// told of before those are forgotten.
const spareKnows = 10_000

// knows is which heads a member has: that he has told or was told, of authors known
// here.
type knows map[catalog.Key]known

// known is the newest head of an author that a member has, and when the author
// was last connected to anybody, as far as the member knows.
type known struct {
	seq  int64
	last time.Time
}

// learn notes a head that a member has, and the age of its author.
func (m knows) learn(k catalog.Key, seq int64, age time.Duration, now time.Time) {
	was, last := m[k], now.Add(-age)
	if seq > was.seq || seq == was.seq && last.After(was.last) {
		m[k] = known{seq, last}
	}
}

// correction is the least difference of two ages that is worth a word.
const correction = time.Hour

// lacks reports whether a member has an older head than that of seq and age, or
// takes its author to be away much longer than he is: twice as long, so that
// nobody can have one head sent often.
func (m knows) lacks(k catalog.Key, seq int64, age time.Duration, now time.Time) bool {
	has := m[k]
	if seq != has.seq {
		return seq > has.seq
	}
	theirs := now.Sub(has.last)
	return theirs-age > correction && theirs > 2*age
}
