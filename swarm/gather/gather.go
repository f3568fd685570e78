// Package gather keeps the members of a swarm together that is no torrent's: a
// drive's. It gives handshaken connections to them, found, dialled, accepted,
// limited by address group, backed off and kept apart from strangers.
//
// It finds members through trackers (BEP 3, 12, 15), on the local network (BEP 14),
// by what the caller tells and by what an earlier run reached; it dials them as
// swarm/book says and gives places as swarm/places says. Each connection begins with
// the handshakes of BEP 3 and 10, in which both sides send a nonce; what is proven
// over the nonces, and by it who that is, is the Handler's business, as is all that
// is said afterwards.
//
// A Gathering is safe for concurrent use. It has a lock instead of a loop: each call
// takes microseconds, nothing is waited for or called with the lock held, and who asks
// is often a loop itself, which may wait for nobody.
package gather

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/book"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/places"
	"p2pfs/swarm/tracker"
	"p2pfs/swarm/wire"
)

// A Handler is what a swarm is for.
type Handler interface {
	// Greet finds out who is at the other end of a connection, and says who we are
	// where the connection is not a probe. It blocks; the connection is closed after
	// Time.
	Greet(c *Conn) (Peer, error)
	// Broke reports whether an error of Greet or Serve says that the other side broke
	// the protocol: it is let be for a while.
	Broke(err error) bool
	// Reached is told that a member was reached at an address where nobody, or
	// another, was known to be.
	Reached(owner book.Owner, addr netip.AddrPort)
}

// A Peer is a member who is connected.
type Peer interface {
	Who() Who
	// Serve runs a connection that has its place until it ends, and says why it did.
	Serve() error
}

// A Network is what a Gathering reaches others through: the engine, or a test's.
// All fields may be zero.
type Network struct {
	// Dial connects; it must end when its context does. Nil: nobody is dialled.
	Dial func(context.Context, netip.AddrPort) (net.Conn, error)
	// MayDial takes a token for one dial of all swarms together.
	MayDial func(now time.Time) bool
	// Identity is what the carrier proves of a connection.
	Identity func(net.Conn) []byte
	// Dials bounds dials on somebody's word, of all swarms together.
	Dials *netgroup.Dials
	// Announce tells a tracker of us, and Local tells the local network.
	Announce func(ctx context.Context, url string, r tracker.Request) (tracker.Response, error)
	Local    Local
	PeerID   [20]byte
	Port     uint16 // on which we listen; 0: nowhere
	Left     func() // called when the Gathering is closed
	Guard    *guard.Guard
	Log      *slog.Logger
}

// Config says what to gather.
type Config struct {
	InfoHash  [20]byte
	Handler   Handler
	Self      book.Owner // whom we prove to be
	Extension string     // whose messages the connections carry (BEP 10)
	Most      int        // bytes of a message
	MaxConns  int        // 0: 40, of which 10 are for those whom we dial
	Finding
}

// Finding is how members are found, besides by their own word.
type Finding struct {
	Trackers []string         // each a tier of its own
	Peers    []netip.AddrPort // named by the user
	Known    []netip.AddrPort // reached by an earlier run
	// Remember is given who was reached, to be Known another time: when that has
	// changed, every 10 seconds at most, and at the end. It may block.
	Remember func([]book.Peer)
}

const (
	maxKnown      = 1000 // addresses
	forgetUnknown = 8    // dials in vain after which one is forgotten where nobody answered
	maxConns      = 40
	tickEvery     = 500 * time.Millisecond
)

// A Gathering is a swarm that is gathered.
type Gathering struct {
	net      Network
	cfg      Config
	shaker   Shaker
	ctx      context.Context // ends with the Gathering
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	once     sync.Once // closes
	trackers *Trackers

	mu       sync.Mutex // guards what follows
	closed   bool
	conns    conns
	book     *book.Book
	dials    *rate.Limiter
	dialling int
	memory   memory
	swept    time.Time
}

// New begins to gather a swarm.
func New(n Network, cfg Config) *Gathering {
	if n.Log == nil {
		n.Log = slog.New(slog.DiscardHandler)
	}
	if n.Guard == nil {
		n.Guard = guard.New(n.Log)
	}
	cfg.MaxConns = cmp.Or(cfg.MaxConns, maxConns)
	g := &Gathering{
		net: n, cfg: cfg, dials: rate.NewLimiter(dialsPerS, dialsPerS),
		shaker: Shaker{InfoHash: cfg.InfoHash, PeerID: n.PeerID, Port: n.Port, Extension: cfg.Extension},
		conns:  conns{self: cfg.Self, rule: places.Rule{Max: cfg.MaxConns}, byID: map[int]*Conn{}, door: places.NewDoor()},
		book: book.New(book.Config{Max: maxKnown, Dials: cmp.Or(n.Dials, new(netgroup.Dials)), Failures: [book.User + 1]int{
			book.PEX: forgetUnknown, book.LSD: forgetUnknown, book.Tracker: forgetUnknown, book.Before: forgetUnknown,
		}}),
	}
	g.trackers = newTrackers(n, cfg.InfoHash, cfg.Trackers, g.found)
	g.book.Add(cfg.Peers, book.User)
	g.book.Add(cfg.Known, book.Before)
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.wg.Go(g.run)
	return g
}

// run does what is due by the clock.
func (g *Gathering) run() {
	leave := g.trackers.here()
	defer leave()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		g.net.Guard.Do(func() { g.tick(time.Now()) })
		select {
		case <-tick.C:
		case <-g.ctx.Done():
			return
		}
	}
}

func (g *Gathering) tick(now time.Time) {
	g.dialDue()
	g.trackers.due(g.ctx, now, g.alone())
	g.remember(now, false)
	g.locked(func() {
		if now.Sub(g.swept) > time.Minute {
			g.swept = now
			g.conns.door.Forget(now)
		}
	})
}

// Close leaves the swarm: it ends all connections, tells trackers and returns when
// no goroutine is left. No method of the Handler runs any more then.
func (g *Gathering) Close() {
	g.once.Do(func() {
		if g.net.Left != nil {
			g.net.Left()
		}
		g.locked(func() { g.closed = true })
		g.cancel()
		g.wg.Wait()
		g.trackers.end()
		g.remember(time.Now(), true)
	})
}

// start runs f on a goroutine that Close waits for. False if it is too late.
func (g *Gathering) start(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wg.Go(f)
	return true
}

// locked calls f with the lock held.
func (g *Gathering) locked(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
}

// guarded calls f, and returns its error or, where it panicked, that.
func (g *Gathering) guarded(f func() error) (err error) {
	if panicked := g.net.Guard.Do(func() { err = f() }); panicked != nil {
		return panicked
	}
	return err
}

// Accept takes over an incoming connection whose handshake of BEP 3 was read. It
// blocks until it is known who that is, or until that has failed, Time at most, and
// returns while the connection goes on. So whoever calls it bounds how many have
// not said who they are, those that never get here included; it closes one of them
// by closing nc.
func (g *Gathering) Accept(nc net.Conn, hs wire.Handshake) {
	greeted := make(chan struct{})
	once := sync.OnceFunc(func() { close(greeted) })
	if !g.start(func() {
		defer once()
		g.attach(NewConn(nc, netip.AddrPort{}, g.cfg.Most), &hs, once)
	}) {
		nc.Close()
		return
	}
	<-greeted
}

// Add tells of addresses at which members may listen; whoever told of them was
// asked whether he may. They are dialled as there is room.
func (g *Gathering) Add(addrs []netip.AddrPort, from book.Origin) {
	g.locked(func() { g.book.Add(addrs, from) })
	g.dialDue()
}

// Hear is Add on the word of a member at an address, as far as he may tell.
func (g *Gathering) Hear(teller netip.Addr, addrs []netip.AddrPort) { g.found(teller, addrs, book.PEX) }

// found takes in what somebody tells of; a teller without an address was asked.
func (g *Gathering) found(teller netip.Addr, addrs []netip.AddrPort, from book.Origin) {
	if from == book.Tracker {
		g.Add(addrs, from)
		return
	}
	g.locked(func() { g.book.Hear(teller, addrs, from) })
	g.dialDue()
}

// Trackers are those that are told of us.
func (g *Gathering) Trackers() *Trackers { return g.trackers }

// alone reports whether nobody is connected.
func (g *Gathering) alone() (alone bool) {
	g.locked(func() { alone = len(g.conns.byID) == 0 })
	return alone
}

// Reached are up to n members that were reached of late.
func (g *Gathering) Reached(n int) []book.Peer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.book.Reached(n)
}

// Of are the addresses where a member answered last.
func (g *Gathering) Of(owner book.Owner) []netip.AddrPort {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.book.Of(owner)
}
