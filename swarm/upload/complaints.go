package upload

import (
	"net/netip"
	"time"
)

// A peer whose piece does not verify says nothing, there is no message for it:
// it asks for the piece again. complaints knows such askers from others, and
// how often a piece may be looked at for their sake.
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

// Complains notes that length bytes of a piece of size bytes are sent to a peer.
// It reports whether the storage is to look at the piece again: more of it was
// asked for than there is.
func (u *Uploads) Complains(p *Peer, piece, length, size int, now time.Time) bool {
	return u.complaints.ask(p.Addr, piece, length, size, now)
}

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
