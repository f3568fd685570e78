package swarm

import (
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/book"
)

const (
	// maxRemembered is how many peers are kept for the next run.
	maxRemembered = 50
	// rememberEvery is how often they are handed out.
	rememberEvery = 5 * time.Minute
)

// remembering hands out the peers that were reached, for the next run.
type remembering struct {
	at   time.Time // last
	list []netip.AddrPort
	busy chan struct{} // closed when Remember has returned; nil: never called
}

// remembers reports whether peers are kept: those of a private torrent come
// from its tracker, each time (BEP 27).
func (l *loop) remembers() bool { return l.t.spec.Remember != nil && !l.private() }

// worthKnowing are the peers to be remembered.
func worthKnowing(b *book.Book) (list []netip.AddrPort) {
	for _, p := range b.Reached(maxRemembered) {
		list = append(list, p.Addr)
	}
	return list
}

// tick hands them out when it is time and they have changed.
func (m *remembering) tick(l *loop) {
	if !l.remembers() || l.now.Sub(m.at) < rememberEvery {
		return
	}
	first := m.at.IsZero()
	m.at = l.now
	if list := worthKnowing(l.find.book); !first && !slices.Equal(list, m.list) && m.idle() {
		m.list, m.busy = list, make(chan struct{})
		done := m.busy
		l.t.spawn(func() {
			defer close(done)
			l.t.spec.Remember(list)
		})
	}
}

// idle reports whether Remember does not run now.
func (m *remembering) idle() bool {
	select {
	case <-m.busy:
		return true
	default:
		return m.busy == nil
	}
}

// end hands them out a last time. It blocks, and is called when the loop has
// ended.
func (m *remembering) end(l *loop) {
	if !l.remembers() {
		return
	}
	if m.busy != nil {
		<-m.busy
	}
	if list := worthKnowing(l.find.book); len(list) > 0 && !slices.Equal(list, m.list) {
		l.t.spec.Remember(list)
	}
}
