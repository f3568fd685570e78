package tracker

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/guard"
)

// How long DNS answers are kept, and how long one is waited for.
const (
	dnsKeep    = 5 * time.Minute
	dnsKeepErr = 15 * time.Second
	dnsWait    = 10 * time.Second
	renewWait  = time.Second // for an address that is known, but may have changed
	maxAddrs   = 16          // of one host
)

// A lookup is one host's addresses, asked for once by all who want them.
type lookup struct {
	ready  chan struct{} // closed when the answer is there
	cancel context.CancelFunc
	addrs  []netip.Addr // both set before ready is closed
	err    error
	until  time.Time // guarded by resolver.mu; zero while under way
}

// A resolver looks host names up, and keeps for a while what it was told.
type resolver struct {
	ask   func(ctx context.Context, host string) ([]netip.Addr, error)
	guard *guard.Guard
	busy  sync.WaitGroup // lookups under way

	mu      sync.Mutex // guards what follows
	lookups map[string]*lookup
	closed  bool
}

func newResolver(cfg Config) *resolver {
	return &resolver{ask: cfg.Resolve, guard: cfg.Guard, lookups: make(map[string]*lookup)}
}

// end ends the lookups under way; busy tells when they have ended.
func (r *resolver) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, l := range r.lookups {
		l.cancel()
	}
}

// addresses returns the addresses of a host. A literal address is its own
// answer; names are looked up at most once in dnsKeep. It blocks until the
// answer is there, ctx is done or dnsWait is over.
func (r *resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	l, err := r.lookup(host)
	if err != nil {
		return nil, err
	}
	select {
	case <-l.ready:
		return l.addrs, l.err
	case <-ctx.Done():
		return nil, fmt.Errorf("looking up %s: %w", host, ended(ctx))
	}
}

// lookup returns the lookup of host that is kept or under way, or starts one.
func (r *resolver) lookup(host string) (*lookup, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	l := r.lookups[host]
	if l != nil && (l.until.IsZero() || time.Now().Before(l.until)) {
		return l, nil
	}
	r.sweep()
	ctx, cancel := context.WithTimeout(context.Background(), dnsWait)
	fresh := &lookup{ready: make(chan struct{}), cancel: cancel}
	r.lookups[host] = fresh
	r.busy.Add(1)
	go r.resolve(ctx, host, fresh, l)
	return fresh, nil
}

// sweep keeps names that nobody asks for any more from piling up. The
// caller holds r.mu.
func (r *resolver) sweep() {
	if len(r.lookups) < 256 {
		return
	}
	for host, l := range r.lookups {
		if !l.until.IsZero() && time.Now().After(l.until) {
			delete(r.lookups, host)
		}
	}
}

// resolve asks the DNS. When that gives nothing, what it said last still counts.
func (r *resolver) resolve(ctx context.Context, host string, l, last *lookup) {
	defer r.busy.Done()
	defer l.cancel()
	var addrs []netip.Addr
	var err error
	if panicked := r.guard.Do(func() { addrs, err = r.ask(ctx, host) }); panicked != nil {
		addrs, err = nil, panicked
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	keep := dnsKeep
	if err == nil && len(addrs) == 0 {
		err = ErrNoAddress
	}
	if err != nil {
		keep = dnsKeepErr
		err = fmt.Errorf("looking up %s: %w", host, err)
		if last != nil && last.err == nil {
			addrs, err = last.addrs, nil
		}
	}
	l.addrs, l.err = addrs[:min(len(addrs), maxAddrs)], err
	r.mu.Lock()
	l.until = time.Now().Add(keep)
	r.mu.Unlock()
	close(l.ready)
}
