package swarm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/carrier"
	"p2pfs/swarm/door"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/lsd"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/tracker"
	"p2pfs/swarm/wire"
)

// A Client takes part in swarms.
type Client struct {
	cfg       Config
	log       *slog.Logger
	guard     *guard.Guard
	carrier   Carrier
	peerID    [20]byte
	key       uint32 // by which trackers tell us from others
	trackers  *tracker.Client
	lsd       *lsd.Client // nil: not asked for
	table     *table
	dialler   *dialler
	door      door.Door
	woken     woken
	bandwidth bandwidth
	hash      hashers
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup
}

// New listens and returns a Client. The error tells when the address cannot
// be listened on.
func New(cfg Config) (*Client, error) {
	if cfg.Carrier == nil {
		tcp, err := carrier.ListenTCP(cfg.Listen)
		if err != nil {
			return nil, err
		}
		cfg.Carrier = tcp
	}
	c := &Client{cfg: cfg, log: cfg.Log, guard: cfg.Guard, carrier: cfg.Carrier, table: newTable(), hash: newHashers()}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.guard == nil {
		c.guard = guard.New(c.log)
	}
	c.peerID = wire.NewPeerID()
	var key [4]byte
	rand.Read(key[:])
	c.key = binary.BigEndian.Uint32(key[:])
	c.bandwidth.limit(cfg.UploadLimit, cfg.DownloadLimit)
	c.dialler = &dialler{carrier: c.carrier, limits: newLimits(cfg.MaxPeers), peerID: c.peerID}
	c.door = door.Door{Acceptor: c.carrier, Guard: c.guard, Log: c.log, Take: c.take}
	c.woken = newWoken()
	c.trackers = tracker.New(tracker.Config{Listen: c.Addr().Addr(), Guard: c.guard, Log: c.log})
	if cfg.LSD {
		c.lsd = lsd.New(lsd.Config{Port: c.Addr().Port(), Listen: c.Addr().Addr(), Guard: c.guard, Log: c.log})
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.wg.Go(func() { c.door.Run(c.ctx) })
	return c, nil
}

// Addr is the address that is listened on.
func (c *Client) Addr() netip.AddrPort { return c.carrier.Addr() }

// Torrent returns the torrent of an infohash, nil if there is none.
func (c *Client) Torrent(h metainfo.Hash) *Torrent { return c.table.torrent(h) }

// Torrents are all torrents.
func (c *Client) Torrents() []*Torrent { return c.table.all() }

// Close ends all torrents and connections, telling trackers `stopped`, and
// returns when no goroutine is left.
func (c *Client) Close() error {
	all := c.table.all()
	swarms := c.table.close()
	c.cancel()
	c.carrier.Close()
	var wg sync.WaitGroup
	for _, g := range swarms {
		wg.Go(g.Close)
	}
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
	received, sent = c.table.ended()
	sent += c.bandwidth.lent.Load()
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
func (c *Client) Upload(ctx context.Context, n int) error { return c.bandwidth.upload(ctx, n) }

// Join takes part in a swarm that is no torrent's, a drive's, until what it returns
// is closed: connections to its members are found, made and let in as those to peers of
// torrents are, within the same bounds.
func (c *Client) Join(cfg gather.Config) *gather.Gathering {
	n := gather.Network{
		Dial: c.carrier.Dial, MayDial: c.dialler.limits.mayMeet, Dials: &c.dialler.onWord, Announce: c.trackers.Announce, Identity: carrier.Identity,
		PeerID: c.peerID, Port: c.Addr().Port(), Guard: c.guard, Log: c.log,
	}
	if c.lsd != nil {
		n.Local = c.lsd
	}
	var g *gather.Gathering
	h, joined := metainfo.Hash(cfg.InfoHash), make(chan struct{})
	n.Left = func() { <-joined; c.table.leave(h, g) }
	g = gather.New(n, cfg)
	c.table.join(h, g)
	close(joined)
	return g
}

// take hands an incoming connection to the drive or torrent that it is for. Its place
// among those who have not yet said who they are is given back when it has: for a
// drive that is when take returns.
func (c *Client) take(ctx context.Context, conn net.Conn, hs wire.Handshake, place *netgroup.Place) error {
	if g := c.table.swarm(hs.InfoHash); g != nil {
		conn.SetDeadline(time.Time{})
		g.Accept(conn, hs)
		return nil
	}
	t, err := c.lookup(hs.InfoHash, place)
	if err != nil {
		return err
	}
	ours := c.dialler.ours(t, hs.InfoHash)
	if _, err := conn.Write(wire.AppendHandshake(nil, ours)); err != nil {
		return err
	}
	if hs.PeerID == c.peerID {
		return errSelf // the other end of it has just learned so too
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if !place.Leave() {
		return door.ErrCrowded
	}
	c.dialler.limits.joined()
	if !t.post(joinEvent{conn: conn, ours: ours, hs: hs, addr: door.Remote(conn)}) {
		c.dialler.limits.left()
		return ErrClosed
	}
	return nil
}

// lookup finds the torrent of an infohash, or has it made: for a few at once, which
// may take the caller some time, and for nobody who was closed meanwhile.
func (c *Client) lookup(h metainfo.Hash, place *netgroup.Place) (*Torrent, error) {
	if t := c.table.torrent(h); t != nil {
		return t, nil
	}
	if c.cfg.Lookup != nil {
		select {
		case c.woken.lookups <- struct{}{}:
			defer func() { <-c.woken.lookups }()
		case <-c.ctx.Done():
			return nil, ErrClosed
		}
		if t := c.table.torrent(h); t != nil { // made meanwhile
			return t, nil
		}
		if !place.Held() {
			return nil, door.ErrCrowded
		}
		if spec, ok := c.cfg.Lookup(h); ok {
			return c.woken.wake(c, spec)
		}
	}
	return nil, fmt.Errorf("unknown infohash %v", h)
}
