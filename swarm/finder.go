package swarm

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/book"
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
	finding  finding
	local    discovery
	remember remembering

	t   *Torrent
	ctx context.Context
}

// need is why peers are looked for, as the loop knows.
type need struct {
	now    time.Time
	ended  bool
	opened bool          // there is metadata and storage
	whole  bool          // every piece is held
	hungry bool          // bytes are wanted now
	reads  int           // that wait,
	oldest time.Duration // the longest for so long
	peers  int           // connected
}

func newFinder(ctx context.Context, t *Torrent) finder {
	f := finder{
		book: newBook(t.client), announce: newAnnouncing(ctx, t), finding: finding{t: t, ctx: ctx},
		local: discovery{t: t}, t: t, ctx: ctx,
	}
	if t.naming.private() {
		f.book.Private()
	}
	f.remember = remembering{t: t, book: f.book}
	return f
}

// tick does what time alone brings about.
func (f *finder) tick(n need) {
	f.dial(n)
	f.tell(n)
	f.local.tick(n, &f.announce)
	f.remember.tick(n.now)
}

// dial connects to more peers while the torrent wants bytes, or has all of them
// and offers them: some who want them cannot be the ones to dial.
func (f *finder) dial(n need) {
	offering := n.whole && !n.hungry && (f.t.spec.Announce == Always || f.announce.kept)
	if n.ended || !n.hungry && !offering {
		return
	}
	if !offering {
		f.finding.tick(n.now)
	}
	room := min(maxTorrentPeers-n.peers-f.book.Dialling(), maxHalfOpen-f.book.Dialling())
	if room <= 0 {
		return
	}
	for _, due := range f.book.Due(n.now, room, book.Wish{Offering: offering}) {
		if !f.t.client.dialler.limits.mayDial(n.now) {
			return
		}
		if !f.book.Take(due.Addr, n.now) {
			continue // another port of it is being dialled
		}
		f.t.spawn(func() { f.t.client.dialler.connect(f.ctx, due.Addr, f.t) })
	}
}

// tell tells trackers what they are due to be told.
func (f *finder) tell(n need) { f.announce.tick(n, f.alone(n)) }

// alone reports whether somebody waits and there is nobody to be dialled, nor
// will FindPeers tell of anybody soon.
func (f *finder) alone(n need) bool {
	return n.reads > 0 && f.book.Len() == 0 && n.peers == 0 &&
		(f.t.spec.FindPeers == nil || !f.finding.asking && !f.finding.asked.IsZero())
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
	l.reasons.causes.Unreached(e.addr, e.err)
}

// addrsEvent brings addresses of peers.
type addrsEvent struct {
	addrs []netip.AddrPort
	from  book.Origin
	found bool // by FindPeers
}

func (e addrsEvent) apply(l *loop) {
	if e.found {
		l.find.finding.asking = false
	}
	if l.find.book.Add(e.addrs, e.from) > 0 || e.from >= book.Member {
		l.find.dial(l.need())
	}
	l.find.tell(l.need()) // somebody may be needed who knows more
}

// finding is what the loop knows of its calls of FindPeers.
type finding struct {
	asking bool      // one is under way
	asked  time.Time // when the last one began
	finds  int       // how many there were

	t   *Torrent
	ctx context.Context
}

// tick asks the caller for peers while a reader waits.
func (f *finding) tick(now time.Time) {
	find := f.t.spec.FindPeers
	gap := findEvery
	if f.finds == 1 {
		gap = findSoon
	}
	if find == nil || f.asking || now.Sub(f.asked) < gap {
		return
	}
	f.asking, f.asked = true, now
	f.finds++
	f.t.spawn(func() {
		f.t.post(addrsEvent{addrs: find(f.ctx), from: book.Member, found: true})
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

	t    *Torrent
	book *book.Book
}

// on reports whether peers are kept: those of a private torrent come from its
// tracker, each time (BEP 27).
func (m *remembering) on() bool { return m.t.spec.Remember != nil && !m.t.naming.private() }

// worthKnowing are the peers to be remembered.
func worthKnowing(b *book.Book) (list []netip.AddrPort) {
	for _, p := range b.Reached(maxRemembered) {
		list = append(list, p.Addr)
	}
	return list
}

// tick hands them out when it is time and they have changed.
func (m *remembering) tick(now time.Time) {
	if !m.on() || now.Sub(m.at) < rememberEvery {
		return
	}
	first := m.at.IsZero()
	m.at = now
	if list := worthKnowing(m.book); !first && !slices.Equal(list, m.list) && m.idle() {
		m.list, m.busy = list, make(chan struct{})
		done := m.busy
		m.t.spawn(func() {
			defer close(done)
			m.t.spec.Remember(list)
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
func (m *remembering) end() {
	if !m.on() {
		return
	}
	if m.busy != nil {
		<-m.busy
	}
	if list := worthKnowing(m.book); len(list) > 0 && !slices.Equal(list, m.list) {
		m.t.spec.Remember(list)
	}
}
