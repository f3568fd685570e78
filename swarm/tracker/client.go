package tracker

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"p2pfs/swarm/guard"
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
	// Dial opens the connections to HTTP trackers, at an address and a port, by
	// tcp; nil dials from Listen. It must return soon after its context is done.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are whom certificates of HTTPS trackers must come from; nil stands
	// for those that the system trusts.
	RootCAs *x509.CertPool
	// Resolve looks host names up; nil asks the system. It must return soon after
	// its context is done: Close waits for it.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Guard keeps a panic over an answer from ending more than what was asked.
	Guard *guard.Guard
	// Log gets debug messages; nil is silence.
	Log *slog.Logger
}

// withDefaults fills in what is not given.
func (cfg Config) withDefaults() Config {
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
	if cfg.Dial == nil {
		d := net.Dialer{KeepAlive: -1}
		if !cfg.Listen.IsUnspecified() && cfg.Listen.IsValid() {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(cfg.Listen, 0))
		}
		cfg.Dial = d.DialContext
	}
	return cfg
}

// speaks reports whether we announce over a family at all.
func (cfg Config) speaks(v6 bool) bool {
	switch l := cfg.Listen; {
	case !l.IsValid(), l == netip.IPv6Unspecified():
		return true
	default:
		return l.Is6() == v6
	}
}

// A Client announces to trackers and scrapes them, for any number of torrents.
// It holds one socket for each address family, opened when first needed.
type Client struct {
	keys     keys
	calls    calls
	turns    *turns
	resolver *resolver
	udp      *udpTrackers
	http     *httpTrackers
}

// New returns a Client. It does nothing until asked; Close ends it.
func New(cfg Config) *Client {
	cfg = cfg.withDefaults()
	c := &Client{keys: newKeys(), turns: newTurns(), resolver: newResolver(cfg)}
	c.calls.all = make(map[*call]struct{})
	c.udp = newUDPTrackers(cfg, c.turns, c.resolver)
	c.http = newHTTPTrackers(cfg, c.turns, c.resolver)
	return c
}

// Close ends all calls with ErrClosed and returns when no goroutine is left. It
// announces nothing: Stopped is the caller's to send, before.
func (c *Client) Close() error {
	c.calls.end()
	c.resolver.end()
	c.udp.end()
	c.calls.busy.Wait()
	c.resolver.busy.Wait()
	return c.udp.close()
}

// Hurry makes the announces of a torrent that are under way urgent (see
// Request.Urgent): the next try comes at most 15 seconds after the last one.
func (c *Client) Hurry(infoHash [20]byte) { c.calls.hurry(infoHash) }

// Announce announces a torrent to the tracker at rawURL, at each address family
// that both sides have, and returns what came back. Over UDP the first packet
// goes at once; without an answer it is sent again after 15, 30, 60 ... seconds
// (BEP 15) until ctx ends. Over HTTP there is one try of at most a minute at each
// family. When one family has answered, the others get little more time.
//
// The error says which tracker it was. It is the tracker's own word (*Refusal,
// ErrNotServed, ErrReply), a host that cannot be looked up or reached, or the
// end of ctx or of the Client.
//
// More than 6 announces in 20 seconds of a torrent to a tracker wait for their
// turn; the last place is kept for Stopped. Of all torrents together 50 go out at
// once and 50 a second from there; urgent ones and Stopped are not held back.
func (c *Client) Announce(ctx context.Context, rawURL string, req Request) (Response, error) {
	t, err := parseURL(rawURL)
	if err != nil {
		return Response{}, err
	}
	ctx, k, err := c.calls.enter(ctx, req)
	if err != nil {
		return Response{}, fmt.Errorf("tracker %v: %w", t, err)
	}
	defer c.calls.leave(k)
	if err := c.turns.await(ctx, k, req.Event); err != nil {
		return Response{}, fmt.Errorf("tracker %v: %w", t, err)
	}
	if req.Key == 0 {
		req.Key = c.keys.of(req.InfoHash)
	}
	announce := c.http.announce
	if t.scheme == "udp" {
		announce = c.udp.announce
	}
	all, err := announce(ctx, k, t, req)
	if err != nil {
		return Response{}, fmt.Errorf("tracker %v: %w", t, err)
	}
	out := all[0]
	for _, r := range all[1:] {
		out = out.merge(r)
	}
	return out, nil
}
