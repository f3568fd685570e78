package drive

import (
	"errors"
	"net/netip"
	"time"

	"p2pfs/swarm/catalog"
)

// ErrCopy is another process with our member key.
var ErrCopy = errors.New("another process has our member key")

// Copy is another running process that has our member key, as a cloned machine
// or a restored backup has.
type Copy struct {
	Addr  netip.AddrPort // where it was met; zero: its catalogue was seen, through others
	Seen  time.Time
	Yield bool // we are to make a new key, not the other
	other process
}

// process tells the processes that have one key apart.
type process struct {
	began int64 // in microseconds of Unix time
	moved bool  // see Config.Moved
}

// yields reports whether p is to give way to other: the one that has moved does,
// of two that have or have not the one that began later. The other process comes
// to the opposite result.
func (p process) yields(other process) bool {
	if p.moved != other.moved {
		return p.moved
	}
	return p.began > other.began
}

// copyError is a hello from a copy of ourselves.
type copyError struct{ other process }

func (copyError) Error() string { return ErrCopy.Error() }
func (copyError) Unwrap() error { return ErrCopy }

// copies finds out whether there is another process with our key. Pure; owned by
// the loop.
type copies struct {
	self      process
	overtaken int // heads of our own key that were newer than ours
	found     *Copy
	news      time.Time // when found became news: it is seen again and again
	told      bool      // OnCopy was
}

// copyGrace is the time between noticing a copy and acting on it, in which the
// other process notices too.
const copyGrace = 2 * time.Second

// copyShown is how long a copy is spoken of after it was last seen.
const copyShown = time.Hour

// copyQuiet is the time for which a copy that was told of is not told of again.
const copyQuiet = 10 * time.Minute

// met notes a copy, and reports whether that is news.
func (c *copies) met(other process, addr netip.AddrPort, now time.Time) bool {
	old := c.found
	c.found = &Copy{Addr: addr, Seen: now, Yield: c.self.yields(other), other: other}
	if old == nil || old.other != other || now.Sub(old.Seen) > copyQuiet {
		c.told, c.news = false, now
		return true
	}
	if !addr.IsValid() {
		c.found.Addr = old.Addr
	}
	return false
}

// overtook notes that a newer head of our own key was seen, and reports whether
// it shows a copy that is news. One alone does not: it is what a restored backup
// finds. Nor does one that was signed before we began, however many of those are
// about.
func (c *copies) overtook(h catalog.Head, now time.Time) bool {
	c.overtaken++
	if c.overtaken < 2 || h.Time.Unix() <= c.self.began/1e6 {
		return false
	}
	other := process{h.Began, h.Moved}
	if other == c.self { // our own, which we do not remember
		return false
	}
	return c.met(other, netip.AddrPort{}, now)
}

// due returns the copy that is to be acted on now, once.
func (c *copies) due(now time.Time) (Copy, bool) {
	if c.found == nil || c.told || now.Sub(c.news) < copyGrace {
		return Copy{}, false
	}
	c.told = true
	return *c.found, true
}

// overtaken answers a newer head of our own key with a newer one.
func (l *loop) overtaken(h catalog.Head, now time.Time) {
	if l.copies.overtook(h, now) {
		l.logCopy()
	}
	l.publishAgain()
}

func (l *loop) logCopy() {
	c := l.copies.found
	l.d.log.Warn("another p2pfs has our member key; one of the two is to make a new one",
		"member", l.d.cfg.Identity.Key().Short(), "peer", c.Addr, "ours", c.Yield)
}

// tellCopy has a copy acted on.
func (l *loop) tellCopy(now time.Time) {
	c, ok := l.copies.due(now)
	if f := l.d.cfg.OnCopy; ok && f != nil {
		select {
		case l.d.notices <- func() { f(c) }:
		default:
			l.copies.told = false // at the next tick
		}
	}
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
func (l *loop) refused(addr netip.AddrPort, err error, now time.Time) {
	var old outdatedError
	var twin copyError
	switch {
	case errors.As(err, &old):
		if l.outdated.note(old.name, addr, now) {
			l.d.log.Warn("member runs an older p2pfs", "name", old.name, "peer", addr)
		}
	case errors.As(err, &twin):
		if l.copies.met(twin.other, addr, now) {
			l.logCopy()
		}
	}
}
