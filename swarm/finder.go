package swarm

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/pex"
)

const (
	// maxAddresses bounds the peers known of one torrent.
	maxAddresses = 2000
	// maxTorrentPeers bounds the connections of one torrent.
	maxTorrentPeers = 100
	// maxSameAddr bounds the connections of one torrent with one address.
	maxSameAddr = 8
	// maxHalfOpen bounds the dials under way of one torrent.
	maxHalfOpen = 30
)

// finder is how the loop finds peers: those it knows of, and those who are asked for
// more.
type finder struct {
	book     *book.Book
	announce announcing
	local    discovery
	remember remembering
	recent   pex.Recent // peers left of late
}

// newBook makes the book of a torrent. Who is known on the word of peers, or of
// announcements on the network, is forgotten after three dials in vain.
func newBook(c *Client) *book.Book {
	b := book.New(book.Config{
		Max: maxAddresses, Failures: [book.User + 1]int{book.PEX: 3, book.LSD: 3}, Dials: &c.dialler.onWord,
	})
	b.Ours.Seen(c.Addr())
	return b
}

// findEvery is how often FindPeers is called while a reader waits; findSoon is how
// soon for the second time, when more have answered than the surest.
const (
	findEvery = 2 * time.Second
	findSoon  = 300 * time.Millisecond
)

// dial connects to more peers while the torrent wants bytes, or has all of them
// and offers them: some who want them cannot be the ones to dial.
func (l *loop) dial() {
	offering := l.offering()
	if l.ended != nil || !l.hungry() && !offering {
		return
	}
	if !offering {
		l.find.announce.finding.tick(l)
	}
	room := min(maxTorrentPeers-len(l.remotes)-l.find.book.Dialling(), maxHalfOpen-l.find.book.Dialling())
	if room <= 0 {
		return
	}
	for _, due := range l.find.book.Due(l.now, room, book.Wish{Offering: offering}) {
		if !l.t.client.dialler.limits.mayDial(l.now) {
			return
		}
		if !l.find.book.Take(due.Addr, l.now) {
			continue // another port of it is being dialled
		}
		l.t.spawn(func() { l.t.client.dialler.connect(l.ctx, due.Addr, l.t) })
	}
}

// offering reports whether the torrent is whole and everybody is told so.
func (l *loop) offering() bool {
	return l.content != nil && !l.hungry() && l.picker.Pieces.Held() == l.picker.Pieces.Count() &&
		(l.t.spec.Announce == Always || l.find.announce.kept)
}

// dialFailedEvent is a peer that could not be reached.
type dialFailedEvent struct {
	addr netip.AddrPort
	err  error
}

func (e dialFailedEvent) apply(l *loop) {
	if errors.Is(e.err, errSelf) {
		l.find.book.Self(e.addr)
		return
	}
	l.log.Debug("dial failed", "infohash", l.t.naming.hashes[0], "peer", e.addr, "err", e.err)
	l.find.book.Ended(e.addr, book.Unreached, l.now)
	l.causes.Unreached(e.addr, e.err)
}

// addrsEvent brings addresses of peers.
type addrsEvent struct {
	addrs []netip.AddrPort
	from  book.Origin
	found bool // by FindPeers
}

func (e addrsEvent) apply(l *loop) {
	if e.found {
		l.find.announce.finding.asking = false
	}
	if l.find.book.Add(e.addrs, e.from) > 0 || e.from >= book.Member {
		l.dial()
	}
	l.find.announce.tick(l) // somebody may be needed who knows more
}

// finding is what the loop knows of its calls of FindPeers.
type finding struct {
	asking bool      // one is under way
	asked  time.Time // when the last one began
	finds  int       // how many there were
}

// tick asks the caller for peers while a reader waits.
func (f *finding) tick(l *loop) {
	find := l.t.spec.FindPeers
	gap := findEvery
	if f.finds == 1 {
		gap = findSoon
	}
	if find == nil || f.asking || l.now.Sub(f.asked) < gap {
		return
	}
	f.asking, f.asked = true, l.now
	f.finds++
	l.t.spawn(func() {
		l.t.post(addrsEvent{addrs: find(l.ctx), from: book.Member, found: true})
	})
}

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
func (l *loop) remembers() bool { return l.t.spec.Remember != nil && !l.t.naming.private() }

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
