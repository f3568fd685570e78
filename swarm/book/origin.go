package book

import "p2pfs/swarm/netgroup"

// Origin is where an address came from, the least trusted first: a worse one
// never displaces a better.
type Origin int

// PEX is the word of a peer or member, of others or of itself; Member what the
// members of a drive know of a file's holders; Before is reached by an earlier
// run; User is named by a user, and always dialled first.
const (
	PEX Origin = iota
	LSD
	Tracker
	Member
	Before
	User
)

// Public reports whether a private torrent may have none of these (BEP 27).
func (o Origin) Public() bool { return o <= LSD }

// hearsay reports whether an address of that origin is known on somebody's word:
// nobody of ours has reached it, and no user named it.
func (o Origin) hearsay() bool { return o <= Member }

// teller is what kind of somebody that is.
func (o Origin) teller() netgroup.Teller {
	if o == LSD || o == Tracker {
		return netgroup.Tracker
	}
	return netgroup.Peer
}
