package drive

import (
	"time"

	"p2pfs/swarm/catalog"
)

// spareKnows is by how many authors more than are known here a member may have
// told of before those are forgotten.
const spareKnows = 10_000

// gossip is what the loop knows of which heads a member has.
type gossip struct {
	knows map[catalog.Key]known // that he has told or was told, of authors known here
	ready bool                  // his summary is complete
	owed  owed
}

// known is the newest head of an author that a member has, and when the author
// was last connected to anybody, as far as the member knows.
type known struct {
	seq  int64
	last time.Time
}

func newGossip() gossip {
	return gossip{knows: make(map[catalog.Key]known), owed: newOwed()}
}

// learn notes a head that a member has, and the age of its author.
func (g *gossip) learn(k catalog.Key, seq int64, age time.Duration, now time.Time) {
	was, last := g.knows[k], now.Add(-age)
	if seq > was.seq || seq == was.seq && last.After(was.last) {
		g.knows[k] = known{seq, last}
	}
}

// correction is the least difference of two ages that is worth a word.
const correction = time.Hour

// lacks reports whether a member has an older head than that of seq and age, or
// takes its author to be away much longer than he is: twice as long, so that
// nobody can have one head sent often.
func (g *gossip) lacks(k catalog.Key, seq int64, age time.Duration, now time.Time) bool {
	has := g.knows[k]
	if seq != has.seq {
		return seq > has.seq
	}
	theirs := now.Sub(has.last)
	return theirs-age > correction && theirs > 2*age
}
