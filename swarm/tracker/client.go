package tracker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// Config says how a Client reaches trackers. Its zero value works.
type Config struct {
	// Listen is the address that peers are listened for on; announces leave from
	// it, so that the tracker sees it. Zero or :: stands for all addresses of both
	// families, 0.0.0.0 for all of IPv4; with any other only its family is used.
	Listen netip.Addr
	// ListenPacket opens the sockets; nil is net.ListenPacket. The network is udp4
	// or udp6. Its addresses must be *net.UDPAddr.
	ListenPacket func(network, address string) (net.PacketConn, error)
	// Resolve looks host names up; nil asks the system. It must return soon after
	// its context is done: Close waits for it.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Log gets debug messages; nil is silence.
	Log *slog.Logger
}

// A Client announces to trackers and scrapes them, for any number of torrents.
// It holds one socket for each address family, opened when first needed.
type Client struct {
	cfg    Config
	log    *slog.Logger
	secret [32]byte // for keys; immutable
	closed chan struct{}
	busy   sync.WaitGroup // calls and lookups

	mu         sync.Mutex // guards what follows
	sockets    [2]*socket // IPv4, IPv6; nil until needed
	conns      map[netip.AddrPort]*conn
	sweepConns int
	lookups    map[string]*lookup
	calls      map[*call]struct{}
	limit      limiter
}

// New returns a Client. It does nothing until asked; Close ends it.
func New(cfg Config) *Client {
	if cfg.ListenPacket == nil {
		cfg.ListenPacket = net.ListenPacket
	}
	if cfg.Resolve == nil {
		cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Listen = cfg.Listen.Unmap()
	return &Client{
		cfg: cfg, log: cfg.Log, secret: random(), closed: make(chan struct{}),
		conns: make(map[netip.AddrPort]*conn), sweepConns: 64,
		lookups: make(map[string]*lookup), calls: make(map[*call]struct{}),
		limit: limiter{times: make(map[limited]*[maxBurst]time.Time)},
	}
}

// Close ends all calls with ErrClosed and returns when no goroutine is left. It
// announces nothing: Stopped is the caller's to send, before.
func (c *Client) Close() error {
	c.mu.Lock()
	if !c.isClosed() {
		close(c.closed)
	}
	for k := range c.calls {
		k.cancel(ErrClosed)
	}
	for _, l := range c.lookups {
		l.cancel()
	}
	sockets := c.sockets
	c.mu.Unlock()
	c.busy.Wait()
	var errs []error
	for _, s := range sockets {
		if s == nil {
			continue
		}
		if err := s.pc.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
		<-s.done
	}
	return errors.Join(errs...)
}

func (c *Client) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// Announce announces a torrent to the tracker at rawURL, at each address family
// that both sides have, and returns what came back. The first packet goes at
// once; without an answer it is sent again after 15, 30, 60 ... seconds (BEP 15)
// until ctx ends. When one family has answered, the others get little more time.
//
// The error says which tracker it was. It is the tracker's own word (*Refusal,
// ErrNotServed, ErrReply), a host that cannot be looked up or reached, or the
// end of ctx or of the Client.
//
// More than 6 announces in 20 seconds of a torrent to a tracker wait for their
// turn; the last place is kept for Stopped.
func (c *Client) Announce(ctx context.Context, rawURL string, req Request) (Response, error) {
	t, err := parseURL(rawURL)
	if err != nil {
		return Response{}, err
	}
	ctx, k, err := c.enter(ctx, req)
	if err != nil {
		return Response{}, fmt.Errorf("tracker %v: %w", t, err)
	}
	defer c.leave(k)
	wire := c.announceRequest(req)
	q := query{
		target: t, call: k,
		admit: func(ctx context.Context, addr netip.AddrPort) error {
			return c.admit(ctx, limited{addr, req.InfoHash}, req.Event == Stopped)
		},
		build: func(dst []byte, conn uint64, transaction uint32) []byte {
			r := wire // each family has its own ids
			r.Conn, r.Transaction = conn, transaction
			return packet.AppendAnnounce(dst, &r, t.urlData)
		},
	}
	all, err := gather(ctx, c, q, func(a answer) (Response, error) {
		return announceReply(a.reply, a.from.Addr())
	})
	if err != nil {
		return Response{}, fmt.Errorf("tracker %v: %w", t, err)
	}
	out := all[0]
	for _, r := range all[1:] {
		out = out.merge(r)
	}
	return out, nil
}

// announceRequest is the request as it goes out, without the ids.
func (c *Client) announceRequest(req Request) packet.AnnounceRequest {
	want := int32(-1)
	switch {
	case req.NumWant < 0 || req.Event == Stopped:
		want = 0
	case req.NumWant > 0:
		want = int32(min(req.NumWant, 1<<15))
	}
	if req.Key == 0 {
		req.Key = c.key(req.InfoHash)
	}
	return packet.AnnounceRequest{
		InfoHash: req.InfoHash, PeerID: req.PeerID,
		Downloaded: uint64(max(req.Downloaded, 0)),
		Left:       uint64(max(req.Left, 0)),
		Uploaded:   uint64(max(req.Uploaded, 0)),
		Event:      packet.Event(req.Event),
		Key:        req.Key, NumWant: want, Port: req.Port,
	}
}
