package drive

import (
	"errors"
	"net/netip"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/hello"
)

// Copy is another running process that has our member key, as a cloned machine
// or a restored backup has.
type Copy struct {
	Addr  netip.AddrPort // where it was met; zero: its catalogue was seen, through others
	Seen  time.Time
	Yield bool // we are to make a new key, not the other
	other hello.Process
}

// copies finds out whether there is another process with our key. Pure; owned by
// the loop.
type copies struct {
	self      hello.Process
	log       func(Copy)      // one that is news
	act       func(Copy) bool // has one acted on; false: later
	overtaken int             // heads of our own key that were newer than ours
	found     *Copy
	news      time.Time // when found became news: it is seen again and again
	told      bool      // of that
}

// copyGrace is the time between noticing a copy and acting on it, in which the
// other process notices too.
const copyGrace = 2 * time.Second

// copyShown is how long a copy is spoken of after it was last seen.
const copyShown = time.Hour

// copyQuiet is the time for which a copy that was told of is not told of again.
const copyQuiet = 10 * time.Minute

// met notes a copy.
func (c *copies) met(other hello.Process, addr netip.AddrPort, now time.Time) {
	old := c.found
	c.found = &Copy{Addr: addr, Seen: now, Yield: c.self.Yields(other), other: other}
	switch {
	case old == nil || old.other != other || now.Sub(old.Seen) > copyQuiet:
		c.told, c.news = false, now
		c.log(*c.found)
	case !addr.IsValid():
		c.found.Addr = old.Addr
	}
}

// overtook notes a newer head of our own key. One alone does not show a copy: it is
// what a restored backup finds. Nor does one that was signed before we began,
// however many of those are about.
func (c *copies) overtook(h catalog.Head, now time.Time) {
	other := hello.Process{Began: h.Began, Moved: h.Moved}
	c.overtaken++
	if c.overtaken >= 2 && h.Time.Unix() > c.self.Began/1e6 && other != c.self { // else it is our own, which we do not remember
		c.met(other, netip.AddrPort{}, now)
	}
}

// tell has a copy acted on, once.
func (c *copies) tell(now time.Time) {
	if c.found != nil && !c.told && now.Sub(c.news) >= copyGrace {
		c.told = c.act(*c.found)
	}
}

// logCopy and tellCopy are what becomes of a copy that was found.
func (d *Drive) logCopy(c Copy) {
	d.log.Warn("another p2pfs has our member key; one of the two is to make a new one",
		"member", d.cfg.Identity.Key().Short(), "peer", c.Addr, "ours", c.Yield)
}

func (d *Drive) tellCopy(c Copy) bool {
	return offer(d.notices.calls, func() { d.cfg.Observer.OnCopy(c) })
}

// Copy returns the other process that has our member key, if one was seen in the
// last hour.
func (d *Drive) Copy() (Copy, bool) {
	c := ask(d, func(l *loop) Copy {
		if c := l.copies.found; c != nil && time.Since(c.Seen) < copyShown {
			return *c
		}
		return Copy{}
	})
	return c, !c.Seen.IsZero()
}

// refused notes what is worth telling of a handshake that failed.
type refused struct {
	addr netip.AddrPort
	err  error
}

func (e refused) apply(l *loop) {
	var old hello.OutdatedError
	var copied hello.CopyError
	switch now := time.Now(); {
	case errors.As(e.err, &old):
		if l.outdated.note(old.Name, e.addr, now) {
			l.d.log.Warn("member runs an older p2pfs", "name", old.Name, "peer", e.addr)
		}
	case errors.As(e.err, &copied):
		l.copies.met(copied.Other, e.addr, now)
	}
}
