package swarm

import (
	"net/netip"
	"time"
)

// A peer whose piece does not verify says nothing, there is no message for it:
// it asks for the piece again. complaints knows such askers from others, and
// how often a piece may be looked at for their sake. Owned by the loop.
type complaints struct {
	asked  map[complaint]int // bytes, since it was last looked at
	looked map[int]time.Time // when a piece was
	last   time.Time         // when any was
}

// complaint is who asks for which piece.
type complaint struct {
	who   netip.Addr
	piece int
}

const (
	maxAsked     = 4096             // askers and pieces that are remembered
	lookEvery    = time.Second      // at one piece of a torrent
	lookAtOne    = 10 * time.Minute // at the same piece
	maxLookedFor = 1024
)

// ask notes that length bytes of a piece of size bytes are sent to a peer. It
// reports whether the piece is to be looked at: more of it was asked for than
// there is.
func (c *complaints) ask(who netip.Addr, piece, length, size int, now time.Time) bool {
	k := complaint{who, piece}
	if c.asked == nil || len(c.asked) >= maxAsked && c.asked[k] == 0 {
		c.asked = map[complaint]int{}
	}
	c.asked[k] += length
	if c.asked[k] <= size || now.Sub(c.last) < lookEvery {
		return false
	}
	if at, ok := c.looked[piece]; ok && now.Sub(at) < lookAtOne {
		return false
	}
	if c.looked == nil || len(c.looked) >= maxLookedFor {
		c.looked = map[int]time.Time{}
	}
	delete(c.asked, k)
	c.last, c.looked[piece] = now, now
	return true
}

// hearComplaint has the storage look at a piece again that a peer asks for once
// more. A storage that finds it bad tells of it as of any that it drops.
func (l *loop) hearComplaint(r *remote, piece, length int) {
	s, ok := l.storage.(DoubtStorage)
	if !ok || !l.uploads.complaints.ask(r.addr.Addr(), piece, length, int(l.info().Pieces.Size(piece)), l.now) {
		return
	}
	if !l.t.client.hash.credits.spend(r.group(), int64(l.info().Pieces.Size(piece)), l.now) {
		return // asking is free, reading and hashing a piece is not
	}
	log := l.t.log
	l.t.hashFor(func() {
		if err := s.Doubt(piece); err != nil {
			log.Warn("a peer asked for a piece again, and it was bad", "piece", piece, "err", err)
		}
	})
}
