package tracker

import (
	"context"
	"fmt"
	"net/netip"
	"time"
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
	until  time.Time // guarded by Client.mu; zero while under way
}

// addresses returns the addresses of a host. A literal address is its own
// answer; names are looked up at most once in dnsKeep. It blocks until the
// answer is there, ctx is done or dnsWait is over.
func (c *Client) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	l, err := c.lookup(host)
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
func (c *Client) lookup(host string) (*lookup, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		return nil, ErrClosed
	}
	l := c.lookups[host]
	if l != nil && (l.until.IsZero() || time.Now().Before(l.until)) {
		return l, nil
	}
	c.sweepLookups()
	ctx, cancel := context.WithTimeout(context.Background(), dnsWait)
	fresh := &lookup{ready: make(chan struct{}), cancel: cancel}
	c.lookups[host] = fresh
	c.busy.Add(1)
	go c.resolve(ctx, host, fresh, l)
	return fresh, nil
}

// sweepLookups keeps names that nobody asks for any more from piling up. The
// caller holds c.mu.
func (c *Client) sweepLookups() {
	if len(c.lookups) < 256 {
		return
	}
	for host, l := range c.lookups {
		if !l.until.IsZero() && time.Now().After(l.until) {
			delete(c.lookups, host)
		}
	}
}

// resolve asks the DNS. When that gives nothing, what it said last still counts.
func (c *Client) resolve(ctx context.Context, host string, l, last *lookup) {
	defer c.busy.Done()
	defer l.cancel()
	var addrs []netip.Addr
	var err error
	if panicked := c.cfg.Guard.Do(func() { addrs, err = c.cfg.Resolve(ctx, host) }); panicked != nil {
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
	c.mu.Lock()
	l.until = time.Now().Add(keep)
	c.mu.Unlock()
	close(l.ready)
}
