package gather

import (
	"context"
	"fmt"
	"math/rand"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/announce"
	"p2pfs/swarm/book"
	"p2pfs/swarm/tracker"
)

const (
	// numWant is how many members a tracker is asked for.
	numWant = 50
	// stopWithin bounds the wait for trackers at the end.
	stopWithin = 2 * time.Second
	// lonelyEvery is how often we announce ourselves on the local network while
	// nobody is connected.
	lonelyEvery = 30 * time.Second
)

// Local announces infohashes on the local network (BEP 14): lsd.Client does.
type Local interface {
	// Join announces one until leave is called, and tells found of others who do,
	// which must not block.
	Join(infoHash [20]byte, found func(netip.AddrPort)) (leave func())
	// Hurry announces one again as soon as may be.
	Hurry(infoHash [20]byte)
}

// Trackers tells trackers, and the local network, that we are here. It has a lock of
// its own, held for a few instructions.
type Trackers struct {
	net      Network
	infoHash [20]byte
	found    func(teller netip.Addr, addrs []netip.AddrPort, from book.Origin)
	wg       sync.WaitGroup

	mu      sync.Mutex // guards what follows
	of      *announce.Announcer
	hurried time.Time // when the local network was last told, because nobody is connected
}

func newTrackers(n Network, infoHash [20]byte, urls []string, found func(netip.Addr, []netip.AddrPort, book.Origin)) *Trackers {
	var tiers [][]string
	for _, url := range urls {
		tiers = append(tiers, []string{url})
	}
	return &Trackers{
		net: n, infoHash: infoHash, found: found,
		of: announce.New(tiers, announce.Drive(), rand.New(rand.NewSource(rand.Int63()))),
	}
}

// here announces the swarm on the local network until leave is called.
func (t *Trackers) here() (leave func()) {
	if t.net.Local == nil {
		return func() {}
	}
	return t.net.Local.Join(t.infoHash, func(a netip.AddrPort) {
		t.net.Log.Debug("member on the local network", "peer", a)
		t.found(a.Addr(), []netip.AddrPort{a}, book.LSD) // it tells of itself
	})
}

// due announces what is due. alone says that nobody is connected.
func (t *Trackers) due(ctx context.Context, now time.Time, alone bool) {
	if t.hurry(now, alone) {
		t.net.Local.Hurry(t.infoHash)
	}
	if t.net.Announce == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.of.Due(now, alone, false) {
		t.wg.Go(func() { t.net.Guard.Do(func() { t.announce(ctx, a) }) })
	}
}

// hurry reports whether the local network is to be told now, and takes that for done.
func (t *Trackers) hurry(now time.Time, alone bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.net.Local == nil || !alone || now.Sub(t.hurried) < lonelyEvery {
		return false
	}
	t.hurried = now
	return true
}

// announce tells one tracker that we are here, and takes in whom it knows.
func (t *Trackers) announce(ctx context.Context, a announce.Ask) {
	r := t.request(a)
	r.Unanswered = func(tries int) {
		t.mu.Lock()
		news := t.of.Unanswered(a.URL, tries)
		t.mu.Unlock()
		t.tell(a.URL, fmt.Errorf("no answer after %d tries", tries), news)
	}
	res, err := t.net.Announce(ctx, a.URL, r)
	t.mu.Lock()
	news := false
	if err == nil {
		t.of.Answered(a.URL, res, time.Now())
	} else if ctx.Err() == nil {
		news = t.of.Failed(a.URL, err, time.Now())
	}
	t.mu.Unlock()
	t.tell(a.URL, err, news)
	if err == nil {
		t.found(netip.Addr{}, res.Peers, book.Tracker)
	}
}

// tell warns of a tracker that does not answer, where that is news.
func (t *Trackers) tell(url string, err error, news bool) {
	if news {
		t.net.Log.Warn("tracker does not answer; asking again", "tracker", url, "err", err)
	}
}

func (t *Trackers) request(a announce.Ask) tracker.Request {
	return tracker.Request{
		InfoHash: t.infoHash, PeerID: t.net.PeerID, Left: 1, Event: a.Event, Port: t.net.Port, NumWant: numWant, Urgent: true,
	}
}

// end tells the trackers that list us that we stop. It waits for them, stopWithin at
// most.
func (t *Trackers) end() {
	t.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	for _, asks := range t.of.Farewells(false) {
		t.wg.Go(func() {
			for _, a := range asks {
				t.net.Guard.Do(func() { t.net.Announce(ctx, a.URL, t.request(a)) })
			}
		})
	}
	t.wg.Wait()
}

// List is what each tracker said last.
func (t *Trackers) List() []announce.Tracker {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of.Trackers()
}

// Kick has all asked again within half a second: one of them is known to have lost its
// list.
func (t *Trackers) Kick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of.Kick(time.Now())
}
