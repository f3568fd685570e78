package swarm

import (
	"p2pfs/swarm/assembly"
	"p2pfs/swarm/book"
)

// accuse notes that a peer sent what does not verify. It is banned
// at once where others have all that it has. One that has some of it alone is asked
// again: memory and cables err now and then, and without it nobody gets the rest.
func (l *loop) accuse(f assembly.False) {
	r := l.remotes[f.Peer]
	if r == nil {
		return
	}
	r.down.Faults.Add(f.Bytes)
	if l.othersHave(r) || r.down.Faults.TooMany(r.down.Blocks) {
		l.ban(r.id, f.Why)
		return
	}
	l.log.Debug("the only peer with a piece sent it false", "infohash", l.t.hashes[0], "peer", r.addr, "piece", f.Block.Piece, "why", f.Why)
	l.causes.Lied(r.addr, l.now, book.BanTime)
}

// othersHave reports whether all that a peer has and we lack is to be had of others
// who are connected and have sent nothing false themselves: else a ban would leave
// us without what it has alone.
func (l *loop) othersHave(than *remote) bool {
	rest := l.picker.Pieces.HeldSet()
	for _, r := range l.remotes {
		switch {
		case r == than || r.down.Faults.Times > 0:
		case r.pp.All:
			return true
		case r.pp.Has != nil:
			rest.InPlaceUnion(r.pp.Has)
		}
	}
	if than.pp.All {
		return int(rest.Count()) >= l.picker.Pieces.Count()
	}
	return than.pp.Has == nil || rest.IsSuperSet(than.pp.Has)
}
