package state

import (
	"net/netip"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"time"
)

// author is what is known of a member's catalogue.
type author struct {
	key     catalog.Key
	rank    standing
	seq     int64         // highest ever seen with a valid signature
	bad     bool          // the head of that seq names no proper catalogue
	shown   *catalog.Head // all objects under it are here; nil if none
	want    *catalog.Head // newer, and still lacks some; nil if none
	who     *union.Who    // as views know him; nil until first shown
	order   uint64        // since when what he shares is shown, where no claim says otherwise; 0: not yet
	claims  *union.Claims // since when he has names that others had before
	met     bool          // was connected here once
	seen    time.Time     // when he last gave a sign of life, by the wall clock
	present int           // connections to him now
	placed  bool          // has a place in the table, counted in group
	group   netip.Prefix
	quiet   bool // not passed on: whoever brought him brought too many, and he was never here
	weight  weight
	refused time.Duration // on the clock: until when what was given up for want of space is not taken again
	sighting
}

// standing orders authors by what makes them more than a key.
type standing uint8

const (
	stranger standing = iota
	acquaintance
	friend // trusted by the user
	myself
)

// standing returns what a is to us.
func (a *author) standing() standing {
	if a.rank == stranger && a.met {
		return acquaintance
	}
	return a.rank
}

// newest returns the newest head that is kept, or nil.
func (a *author) newest() *catalog.Head {
	if a.want != nil {
		return a.want
	}
	return a.shown
}

// tellable returns the head to pass on, or nil: the newest, which may not be
// shown yet, while he is connected, else the newest that lacks nothing: what
// nobody has but who made it up is not spread. Nor are more than some of those
// authors whom one address group brought and who were never here: members bound
// in their turn what we bring them.
func (a *author) tellable() *catalog.Head {
	switch {
	case a.want != nil && a.present > 0:
		return a.want
	case a.quiet:
		return nil
	}
	return a.shown
}

// summary returns what a view shows of the shown head. The author's clock may
// be anything: its time is not after that at which it came.
func (a *author) summary() catalog.Summary {
	sum := a.shown.Summary
	if sum.Time.After(a.seen) {
		sum.Time = a.seen.UTC().Truncate(time.Second)
	}
	return sum
}

// newer reports whether a head of that seq would be news. The one that is
// known may come again some time after it was given up for want of space.
func (a *author) newer(seq int64, elapsed time.Duration) bool {
	if seq == a.seq {
		return a.newest() == nil && !a.bad && a.seq > 0 && elapsed >= a.refused
	}
	return seq > a.seq
}

// age returns how long ago the author was connected to anybody.
func (a *author) age(elapsed time.Duration) time.Duration {
	if a.present > 0 {
		return 0
	}
	return max(elapsed-a.last, 0)
}

// dead reports whether a head is past its time: its author was connected to
// nobody for maxAge, or it says so itself. While he is connected here it is
// alive whatever it says.
func (a *author) dead(h *catalog.Head, elapsed time.Duration, now time.Time) bool {
	return a.present == 0 && (a.age(elapsed) >= maxAge || !h.Expires.After(now))
}
