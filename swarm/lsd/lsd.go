// Package lsd is local service discovery (BEP 14): it announces infohashes to
// the networks that are listened on, by multicast, and hears what others there
// announce.
//
// A Client is safe for concurrent use and none of its methods but New and
// Close blocks. One goroutine announces and looks each minute at which
// interfaces there are; one for each interface and address family reads. What
// to announce when is a plain struct, schedule, and whom to listen to another,
// gate; both are guarded by one lock that is never held across I/O or a call
// of the caller's.
//
// An infohash is announced at once and then every 5 minutes, never twice within
// one but to an interface that has just come, several in one datagram; no more
// than one datagram a minute is sent, but for a few at once after a silence
// (BEP 14). Datagrams go no further than one hop. On Linux nothing is heard but
// multicast from the interfaces that were joined, and loopback has no multicast
// over IPv6; elsewhere clients on one machine may not hear one another. Nothing
// that is heard is proven: an announce only says where to dial. The caller
// leaves private torrents out (BEP 27).
package lsd

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/guard"
)

// Config is what a Client needs.
type Config struct {
	// Port is where connections are taken: what is announced.
	Port uint16
	// Listen is the address that connections are taken at. An unspecified one
	// or none announces on all interfaces, a specific one on the interface
	// that has it, from that address.
	Listen netip.Addr
	// Links replaces the interfaces of this machine, and Open its sockets.
	Links func() ([]Link, error)
	Open  func(Link) (net.PacketConn, error)
	// Guard keeps a panic over a datagram from ending more than that one.
	Guard *guard.Guard
	Log   *slog.Logger // nil: silent
}

// A Client announces and listens until it is closed.
type Client struct {
	cfg    Config
	log    *slog.Logger
	cookie string
	wake   chan struct{} // room for one: the schedule changed
	lost   chan *open    // links whose socket broke
	done   chan struct{}
	once   sync.Once
	wg     sync.WaitGroup

	greeted map[string]time.Time // owned by run: links, and when one came

	// mu guards what follows. It is here because torrents' loops join and
	// leave, and may not wait; it is held for a few instructions.
	mu       sync.Mutex
	schedule schedule
	gate     gate
}

// open is a link with its socket.
type open struct {
	Link
	conn   net.PacketConn
	unsent bool // the last announce could not be sent; owned by run
}

// New begins to listen and announces nothing yet. Interfaces that cannot be
// used are left out, and tried again.
func New(cfg Config) *Client {
	c := &Client{
		cfg: cfg, log: cfg.Log, wake: make(chan struct{}, 1), lost: make(chan *open), done: make(chan struct{}),
		schedule: newSchedule(), gate: newGate(), greeted: map[string]time.Time{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.cfg.Links == nil {
		c.cfg.Links = func() ([]Link, error) { return Links(cfg.Listen) }
	}
	if c.cfg.Open == nil {
		c.cfg.Open = openLink
	}
	var cookie [8]byte
	rand.Read(cookie[:])
	c.cookie = hex.EncodeToString(cookie[:])
	c.wg.Go(c.run)
	return c
}

// Close stops announcing and returns when no goroutine is left. No found is
// called after it.
func (c *Client) Close() {
	c.once.Do(func() { close(c.done) })
	c.wg.Wait()
}

// Join announces an infohash until leave is called. found is called, on a
// goroutine of the Client's, with each peer that announces the same: it must
// not block, and may be called once more after leave has returned.
func (c *Client) Join(infoHash [20]byte, found func(netip.AddrPort)) (leave func()) {
	c.mu.Lock()
	id := c.schedule.join(infoHash, found, time.Now())
	c.mu.Unlock()
	c.rouse()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.schedule.leave(infoHash, id)
	}
}

// Hurry has an infohash announced as soon as it may be: somebody waits for a
// peer.
func (c *Client) Hurry(infoHash [20]byte) {
	c.mu.Lock()
	c.schedule.hurry(infoHash)
	c.mu.Unlock()
	c.rouse()
}

func (c *Client) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
