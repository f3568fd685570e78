package swarm

import (
	"p2pfs/swarm/book"
	"p2pfs/swarm/hashing"
)

const (
	// freeFaults, and one in faultShare of its blocks, are how often the only peer
	// that has a piece may send what does not verify before it is banned all the
	// same;
	freeFaults = 8
	faultShare = 8
	// freeFalse is how many bytes of that.
	freeFalse = 8 << 20
)

// faults is what a peer sent that did not verify while nobody else had it.
type faults struct {
	times int
	bytes int64
}

// tooMany reports whether a peer that has sent so many blocks is to be given up.
func (f faults) tooMany(blocks int) bool {
	got := int64(blocks) * hashing.BlockSize
	return f.times > freeFaults+blocks/faultShare || f.bytes > freeFalse+got/2
}

// accuse notes that a peer sent n bytes of a piece that do not verify. It is banned
// at once where others have all that it has. One that has some of it alone is asked
// again: memory and cables err now and then, and without it nobody gets the rest.
func (l *loop) accuse(id, piece int, n int64, why string) {
	r := l.remotes[id]
	if r == nil {
		return
	}
	r.down.faults.times++
	r.down.faults.bytes += n
	if l.othersHave(r) || r.down.faults.tooMany(r.down.blocks) {
		l.ban(id, why)
		return
	}
	l.log.Debug("the only peer with a piece sent it false", "infohash", l.t.hashes[0], "peer", r.addr, "piece", piece, "why", why)
	l.causes.Lied(r.addr, l.now, book.BanTime)
}

// othersHave reports whether all that a peer has and we lack is to be had of others
// who are connected and have sent nothing false themselves: else a ban would leave
// us without what it has alone.
func (l *loop) othersHave(than *remote) bool {
	rest := l.picker.Pieces.HeldSet()
	for _, r := range l.remotes {
		switch {
		case r == than || r.down.faults.times > 0:
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
