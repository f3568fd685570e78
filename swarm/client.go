// Package swarm fetches and serves torrents: a swarm as something that you
// can read from at any offset.
//
// A Client listens, dials and holds the table of torrents. A Torrent is the
// handle of one; a Reader reads a file of it and blocks until the bytes are
// there, verified. It speaks BEP 3 with 6, 9, 10, 21, 52 and 54, and finds
// peers through trackers (BEP 3, 12, 15), other peers (BEP 11), the local
// network (BEP 14) and its caller, and dials them in the order of BEP 40. No
// DHT, no uTP, no encryption.
//
// Client, Torrent and Reader are safe for concurrent use. Everything of a
// torrent that changes belongs to one goroutine, the loop; see loop.go.
package swarm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/lsd"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/tracker"
	"p2pfs/swarm/wire"
)

// firstPort is where the search for a free port begins.
const firstPort = 6881

// A Client takes part in swarms.
type Client struct {
	cfg                      Config
	log                      *slog.Logger
	guard                    *guard.Guard
	listener                 net.Listener
	local                    netip.Addr // what we dial from; invalid: any
	peerID                   [20]byte
	key                      uint32
	trackers                 *tracker.Client
	lsd                      *lsd.Client // nil: not asked for
	limits                   *limits
	up, down                 *rate.Limiter // of payload; nil: no limit
	pool                     peer.Pool
	hot                      atomic.Int64 // bytes of all torrents' hot pieces
	endedReceived, endedSent atomic.Int64 // of torrents that ended
	lent                     atomic.Int64 // sent by Upload's callers
	woken                    woken
	asked                    atomic.Int64  // bytes asked of peers that have not come
	lastRead                 atomic.Int64  // Unix nanoseconds: when a reader of any torrent last waited
	workers                  chan struct{} // room for one a core
	hashers                  chan struct{} // room for one that hashes for others
	hashing                  *hashCredits
	half                     netgroup.HalfOpen // incoming connections
	dials                    netgroup.Dials    // on the word of others
	ctx                      context.Context
	cancel                   context.CancelFunc
	wg                       sync.WaitGroup

	// mu guards torrents and closed. Never held across I/O.
	mu       sync.Mutex
	torrents map[metainfo.Hash]*Torrent
	closed   bool
}

// New listens and returns a Client. The error tells when the address cannot
// be listened on.
func New(cfg Config) (*Client, error) {
	ln, err := listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	c := &Client{
		cfg: cfg, log: cfg.Log, guard: cfg.Guard, listener: ln, limits: newLimits(cfg.MaxPeers),
		up: peer.NewLimiter(cfg.UploadLimit), down: peer.NewLimiter(cfg.DownloadLimit),
		workers: make(chan struct{}, runtime.GOMAXPROCS(0)), hashers: make(chan struct{}, 1), hashing: newHashCredits(),
		torrents: map[metainfo.Hash]*Torrent{},
	}
	c.woken.lookups = make(chan struct{}, netgroup.MaxHalfOpen)
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.guard == nil {
		c.guard = guard.New(c.log)
	}
	if a := c.Addr().Addr(); !a.IsUnspecified() {
		c.local = a
	}
	c.peerID = wire.NewPeerID()
	var key [4]byte
	rand.Read(key[:])
	c.key = binary.BigEndian.Uint32(key[:])
	c.trackers = tracker.New(tracker.Config{Listen: c.Addr().Addr(), Guard: c.guard, Log: c.log})
	c.discover()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.wg.Go(c.accept)
	return c, nil
}

// listen opens the listener that Config.Listen asks for.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, ""
	}
	if port != "" {
		return net.Listen("tcp", net.JoinHostPort(host, port))
	}
	var last error
	for p := firstPort; p < firstPort+100; p++ {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(p)))
		if err == nil {
			return ln, nil
		}
		last = err
	}
	return nil, last
}

// Addr is the address that is listened on.
func (c *Client) Addr() netip.AddrPort {
	a := c.listener.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// PeerID is what we are called in handshakes.
func (c *Client) PeerID() [20]byte { return c.peerID }

// Trackers is the tracker client, for others who announce from here.
func (c *Client) Trackers() *tracker.Client { return c.trackers }

// Torrent returns the torrent of an infohash, nil if there is none.
func (c *Client) Torrent(h metainfo.Hash) *Torrent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.torrents[h]
}

// Torrents are all torrents.
func (c *Client) Torrents() []*Torrent {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := map[*Torrent]bool{}
	var out []*Torrent
	for _, t := range c.torrents {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// Close ends all torrents and connections, telling trackers `stopped`, and
// returns when no goroutine is left.
func (c *Client) Close() error {
	all := c.Torrents()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.listener.Close()
	var wg sync.WaitGroup
	for _, t := range all {
		wg.Go(func() {
			t.cancel(ErrClosed)
			t.finish()
		})
	}
	wg.Wait()
	c.wg.Wait()
	if c.lsd != nil {
		c.lsd.Close()
	}
	c.trackers.Close()
	return nil
}

// Transferred is how many payload bytes all torrents, also those that ended,
// have received and sent, some 100 ms ago.
func (c *Client) Transferred() (received, sent int64) {
	received, sent = c.endedReceived.Load(), c.endedSent.Load()
	sent += c.lent.Load()
	for _, t := range c.Torrents() {
		s := t.Stats()
		received += s.Received
		sent += s.Sent
	}
	return received, sent
}

// Upload waits until n bytes of payload may be sent under the upload limit, and
// counts them: for others who send from here. The error is that of ctx, while
// which n bytes were not granted.
func (c *Client) Upload(ctx context.Context, n int) error {
	for left := n; left > 0 && c.up != nil; {
		k := min(left, hashing.BlockSize)
		if err := c.up.WaitN(ctx, k); err != nil {
			return err
		}
		left -= k
	}
	c.lent.Add(int64(n))
	return nil
}

// unverified is how many bytes are asked for or here without a hash checked.
func (c *Client) unverified() int64 { return c.asked.Load() + c.pool.Out() }

// mayAsk is how many more blocks may be asked of all peers now. Where the
// download is limited no more is on its way than a second brings, so that
// what a reader wants next does not stand behind it for long.
func (c *Client) mayAsk() int {
	n := maxUnverified - c.unverified()
	if limit := c.cfg.DownloadLimit; limit > 0 {
		n = min(n, limit-c.asked.Load())
	}
	return int(n) / hashing.BlockSize
}

// reads notes that a reader of some torrent waits.
func (c *Client) reads(now time.Time) { c.lastRead.Store(now.UnixNano()) }

// quiet is for how long no reader of any torrent has waited: the link is free
// for what nobody asked for.
func (c *Client) quiet(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, c.lastRead.Load()))
}
