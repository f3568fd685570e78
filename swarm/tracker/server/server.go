// Package server is a UDP tracker (BEP 15): what p2pfs embeds, so that members
// find one another without anybody's service. IPv4 and IPv6 (BEP 7) each see
// their own peers; options behind an announce (BEP 41) are accepted and ignored.
//
// It keeps nothing about an address until that address has proven, with a
// connection id, that it gets what is sent to it; and it never answers an
// unproven one with more bytes than it asked with. A connection id is a time
// slot and a keyed hash over slot and address, so it costs no memory. What proven
// clients announce is bounded in every dimension (see Config) and expires.
//
// A peer that announced from loopback is on the tracker's own machine. Askers
// from elsewhere are given, in place of its loopback address, the one at which
// their own packet arrived.
//
// A Server may be used from anywhere at once. The table of swarms stands behind
// one mutex rather than with one goroutine, because several goroutines read each
// socket and each request touches the table once, for about a microsecond.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/guard"
)

// Config bounds a Server. Its zero value works.
type Config struct {
	// Addr is where Listen listens, host:port; without a host on all addresses of
	// both families. The host is an IP address. Port 0 is any free one.
	Addr string
	// Interval is what peers are told to wait between announces; they expire
	// after twice as long. 0 is 120 s, the least is 30 s.
	Interval time.Duration
	// MaxSwarms bounds the torrents, MaxPeers the peers of one, MaxTotal all
	// peers; 0 is 50 000, 1 000 and 1 000 000. What was announced longest ago
	// gives way, first of all that of a host with more than its part.
	MaxSwarms, MaxPeers, MaxTotal int
	// Guard keeps a panic over a packet from ending more than that packet's
	// answer.
	Guard *guard.Guard
	// Serves, unless nil, says which torrents are served; an announce of another
	// one is answered with an error, and a scrape with zeros. It is called for
	// each request, from several goroutines, and must answer from memory. What
	// is announced from an address of this machine is served in any case.
	Serves func(infoHash [20]byte) Verdict
	// Log gets debug messages; nil is silence.
	Log *slog.Logger
}

// Defaults and bounds.
const (
	defaultInterval = 120 * time.Second
	minInterval     = 30 * time.Second
	maxInterval     = 24 * time.Hour
	defaultSwarms   = 50_000
	defaultPeers    = 1_000
	defaultTotal    = 1_000_000
	defaultWant     = 50   // peers, where the asker leaves it to us
	maxReply        = 1472 // bytes: an Ethernet frame without IPv4 and UDP heads
)

// Stats says what a Server has seen since it was made, and holds now.
type Stats struct {
	Swarms, Peers                          int    // now
	Connects, Announces, Scrapes, Refusals uint64 // answered
	Dropped                                uint64 // packets not answered
}

// A Server is a UDP tracker.
type Server struct {
	cfg   Config
	log   *slog.Logger
	start time.Time // with its monotonic reading; all times count from it
	ids   ids

	connects, announces, scrapes, refusals, dropped atomic.Uint64

	mu    sync.Mutex
	table table // guarded by mu
}

// New returns a Server; it serves nothing until Serve is called.
func New(cfg Config) *Server {
	if cfg.Interval == 0 {
		cfg.Interval = defaultInterval
	}
	cfg.Interval = min(max(cfg.Interval, minInterval), maxInterval)
	cfg.MaxSwarms = orDefault(cfg.MaxSwarms, defaultSwarms)
	cfg.MaxTotal = orDefault(cfg.MaxTotal, defaultTotal)
	cfg.MaxPeers = min(orDefault(cfg.MaxPeers, defaultPeers), cfg.MaxTotal, 1<<15)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, log: cfg.Log, start: time.Now(), ids: newIDs()}
	s.table.init(cfg)
	return s
}

func orDefault(n, fallback int) int {
	if n <= 0 {
		return fallback
	}
	return n
}

// Listen opens the socket for Serve on Config.Addr. When the port is taken, the
// error is syscall.EADDRINUSE.
func (s *Server) Listen() (net.PacketConn, error) {
	return net.ListenPacket("udp", s.cfg.Addr)
}

// Serve answers what comes in on pc until ctx is done (nil is returned) or pc
// breaks. It closes pc and returns when none of its goroutines is left. It may be
// called for several sockets at once.
func (s *Server) Serve(ctx context.Context, pc net.PacketConn) error {
	conn := newConn(pc)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		<-ctx.Done()
		pc.Close()
	})
	wg.Go(func() { s.expire(ctx) })
	errs := make(chan error, 4)
	for range min(runtime.GOMAXPROCS(0), cap(errs)) {
		wg.Go(func() {
			errs <- s.work(ctx, conn)
			cancel()
		})
	}
	wg.Wait()
	return <-errs
}

// work reads and answers packets, one at a time.
func (s *Server) work(ctx context.Context, c conn) error {
	h := s.newHandler()
	buf := make([]byte, 2048) // the longest request that is understood has 1496
	for {
		n, r, err := c.read(buf)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.log.Debug("tracker socket", "err", err)
			if !rest(ctx) {
				return nil
			}
			continue
		}
		s.cfg.Guard.Do(func() {
			reply := h.handle(buf[:n], r)
			if reply == nil {
				return
			}
			if err := c.write(reply, r); err != nil {
				s.log.Debug("tracker reply", "peer", r.from.String(), "err", err)
			}
		})
	}
}

// rest keeps a socket that only errs from spinning; false means the end.
func rest(ctx context.Context) bool {
	t := time.NewTimer(10 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// expire forgets what was not announced again, until ctx is done.
func (s *Server) expire(ctx context.Context) {
	t := time.NewTicker(s.cfg.Interval / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.cfg.Guard.Do(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.table.expire(s.now())
			})
		}
	}
}

// now is the time in seconds since the start, by the monotonic clock.
func (s *Server) now() uint32 { return uint32(time.Since(s.start) / time.Second) }

// Stats returns the figures of now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	swarms, peers := len(s.table.swarms), s.table.peers
	s.mu.Unlock()
	return Stats{
		Swarms: swarms, Peers: peers,
		Connects: s.connects.Load(), Announces: s.announces.Load(), Scrapes: s.scrapes.Load(),
		Refusals: s.refusals.Load(), Dropped: s.dropped.Load(),
	}
}

// A route is where a packet came from and where it arrived.
type route struct {
	from netip.AddrPort // IPv4-mapped addresses as IPv4
	to   netip.Addr     // our address; invalid when it cannot be told
	port uint16         // ours
	link int            // index of the interface, only for link-local addresses
}
