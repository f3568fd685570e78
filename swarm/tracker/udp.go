package tracker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"p2pfs/swarm/tracker/packet"
)

// udpTrackers speaks with trackers over UDP (BEP 15): what all torrents share of
// them.
type udpTrackers struct {
	cfg      Config
	turns    *turns
	resolver *resolver
	closed   chan struct{}

	mu      sync.Mutex // guards what follows, and the questions of the sockets
	sockets [2]*socket // IPv4, IPv6; nil until needed
	conns   map[netip.AddrPort]*conn
	sweep   int
}

func newUDPTrackers(cfg Config, turns *turns, resolver *resolver) *udpTrackers {
	return &udpTrackers{
		cfg: cfg, turns: turns, resolver: resolver, closed: make(chan struct{}),
		conns: make(map[netip.AddrPort]*conn), sweep: 64,
	}
}

// end says that nothing more is asked.
func (u *udpTrackers) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.isClosed() {
		close(u.closed)
	}
}

func (u *udpTrackers) isClosed() bool {
	select {
	case <-u.closed:
		return true
	default:
		return false
	}
}

// close closes the sockets, and waits for their readers.
func (u *udpTrackers) close() error {
	u.mu.Lock()
	sockets := u.sockets
	u.mu.Unlock()
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

// announce announces at each address family (BEP 15).
func (u *udpTrackers) announce(ctx context.Context, k *call, t target, req Request) ([]Response, error) {
	wire := announceRequest(req)
	q := query{
		target: t, call: k,
		admit: func(ctx context.Context, addr netip.AddrPort) error {
			return u.turns.admit(ctx, limited{addr, req.InfoHash}, req.Event == Stopped)
		},
		build: func(dst []byte, conn uint64, transaction uint32) []byte {
			r := wire // each family has its own ids
			r.Conn, r.Transaction = conn, transaction
			return packet.AppendAnnounce(dst, &r, t.data)
		},
	}
	return gatherUDP(ctx, u, q, func(a answer) (Response, error) {
		return announceReply(a.reply, a.from.Addr())
	})
}

// announceRequest is the request as it goes out, without the ids.
func announceRequest(req Request) packet.AnnounceRequest {
	return packet.AnnounceRequest{
		InfoHash: req.InfoHash, PeerID: req.PeerID,
		Downloaded: uint64(max(req.Downloaded, 0)),
		Left:       uint64(max(req.Left, 0)),
		Uploaded:   uint64(max(req.Uploaded, 0)),
		Event:      packet.Event(req.Event),
		Key:        req.Key, NumWant: int32(req.numWant()), Port: req.Port,
	}
}

// numWant is how many peers to ask for, -1 to leave it to the tracker.
func (req Request) numWant() int {
	switch {
	case req.NumWant < 0 || req.Event == Stopped:
		return 0
	case req.NumWant > 0:
		return min(req.NumWant, 1<<15)
	}
	return -1
}

// scrape asks about as many torrents as fit one packet.
func (u *udpTrackers) scrape(ctx context.Context, k *call, t target, hashes [][20]byte) ([][]Scraped, error) {
	q := query{target: t, call: k, build: func(dst []byte, conn uint64, transaction uint32) []byte {
		return packet.AppendScrape(dst, conn, transaction, hashes)
	}}
	return gatherUDP(ctx, u, q, func(a answer) ([]Scraped, error) {
		return scrapeReply(a.reply, len(hashes))
	})
}

// A query is what is asked of all address families of a UDP tracker.
type query struct {
	target
	call  *call
	admit func(ctx context.Context, addr netip.AddrPort) error
	build func(dst []byte, conn uint64, transaction uint32) []byte
}

// gatherUDP asks every address family of a UDP tracker, and has the answers read by
// parse.
func gatherUDP[T any](ctx context.Context, u *udpTrackers, q query, parse func(answer) (T, error)) ([]T, error) {
	xs, err := u.exchanges(ctx, q)
	if err != nil {
		return nil, err
	}
	var asks []func(context.Context) (T, error)
	for _, x := range xs {
		asks = append(asks, func(ctx context.Context) (v T, err error) {
			a, err := x.run(ctx)
			if err == nil {
				v, err = parse(a)
			}
			return v, err
		})
	}
	return gather(ctx, u.cfg.Guard, q.call, asks)
}

// exchanges prepares a question to each family that the tracker and we have.
func (u *udpTrackers) exchanges(ctx context.Context, q query) ([]*exchange, error) {
	addrs, err := u.resolver.addresses(ctx, q.host)
	if err != nil {
		return nil, err
	}
	var xs []*exchange
	var errs []error
	for _, v6 := range []bool{false, true} {
		some := family(addrs, v6, q.port)
		if len(some) == 0 || !u.cfg.speaks(v6) {
			continue
		}
		s, err := u.socket(v6)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		xs = append(xs, &exchange{
			u: u, s: s, call: q.call, addrs: some, admit: q.admit, build: q.build,
			renew: func(ctx context.Context) []netip.AddrPort {
				ctx, cancel := context.WithTimeout(ctx, renewWait)
				defer cancel()
				addrs, _ := u.resolver.addresses(ctx, q.host)
				return family(addrs, v6, q.port)
			},
		})
	}
	if len(xs) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrNoAddress, errors.Join(errs...))
	}
	return xs, nil
}

// socket returns the socket of a family, opened now if it is not yet.
func (u *udpTrackers) socket(v6 bool) (*socket, error) {
	i, network, host := 0, "udp4", netip.IPv4Unspecified()
	if v6 {
		i, network, host = 1, "udp6", netip.IPv6Unspecified()
	}
	if u.cfg.Listen.IsValid() && u.cfg.Listen.Is6() == v6 {
		host = u.cfg.Listen
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sockets[i] != nil {
		return u.sockets[i], nil
	}
	if u.isClosed() {
		return nil, ErrClosed
	}
	pc, err := u.cfg.ListenPacket(network, netip.AddrPortFrom(host, 0).String())
	if err != nil {
		return nil, err
	}
	s := &socket{pc: pc, done: make(chan struct{}), open: make(map[question]func([]byte))}
	u.sockets[i] = s
	go u.read(s)
	return s, nil
}
