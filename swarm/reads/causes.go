package reads

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Causes explains why nothing comes. The zero value is ready.
type Causes struct {
	false  map[netip.AddrPort]time.Time // who sent what did not verify, and when
	dialed netip.AddrPort               // who could not be reached last
	dial   string                       // and why; "" if there was none
	said   map[string]bool              // what the log was told
}

// Lied notes a peer whose bytes did not verify; those of longer than keep ago
// are forgotten.
func (c *Causes) Lied(who netip.AddrPort, now time.Time, keep time.Duration) {
	if c.false == nil {
		c.false = map[netip.AddrPort]time.Time{}
	}
	for a, at := range c.false {
		if now.Sub(at) > keep {
			delete(c.false, a)
		}
	}
	c.false[who] = now
}

// Unreached notes a peer that could not be reached.
func (c *Causes) Unreached(who netip.AddrPort, err error) {
	c.dialed, c.dial = who, err.Error()
	if no := syscall.Errno(0); errors.As(err, &no) {
		c.dial = no.Error()
	}
}

// maxSaid bounds what the log is told in one run.
const maxSaid = 32

// News reports whether the log was not yet told of a cause.
func (c *Causes) News(cause string) bool {
	if c.said[cause] || len(c.said) >= maxSaid {
		return false
	}
	if c.said == nil {
		c.said = map[string]bool{}
	}
	c.said[cause] = true
	return true
}

// A Scene is what there is to be seen while a read waits for a piece.
type Scene struct {
	Known     int // addresses
	Connected int // peers
	Have      int // of them, the piece
	Choking   int // of those, us
	False     int // peers that sent some of it, which did not verify; 0: none did
}

// Why says in a sentence, without its full stop, why the piece has not come.
func (c *Causes) Why(s Scene) string {
	if s.Connected == 0 {
		return c.noPeer(s.Known)
	}
	lied := ""
	if n := len(c.false); n > 0 {
		lied = fmt.Sprintf("; hash mismatch from %s before", peers(n))
	}
	switch {
	case s.Have == 0:
		return fmt.Sprintf("no peer has it (%d connected)%s", s.Connected, lied)
	case s.Choking == s.Have:
		return peers(s.Have) + " with it, all choking" + lied
	case s.False > 0:
		return fmt.Sprintf("hash mismatch in what %s sent; asking again", peers(s.False))
	}
	return peers(s.Have) + " with it, nothing sent yet" + lied
}

// noPeer says why nobody is connected.
func (c *Causes) noPeer(known int) string {
	switch n := len(c.false); {
	case n > 0:
		return fmt.Sprintf("hash mismatch from %d of %s", n, peers(n))
	case c.dial != "":
		return fmt.Sprintf("no peer connected (%d known; %v: %s)", known, c.dialed, c.dial)
	}
	return fmt.Sprintf("no peer connected (%d known)", known)
}

func peers(n int) string {
	if n == 1 {
		return "1 peer"
	}
	return fmt.Sprintf("%d peers", n)
}
