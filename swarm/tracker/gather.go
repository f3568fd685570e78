package tracker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// How much longer the other address family may take once one has answered.
const (
	grace       = time.Second
	urgentGrace = 300 * time.Millisecond
)

// A query is what is asked of all address families of a UDP tracker.
type query struct {
	target
	call  *call
	admit func(ctx context.Context, addr netip.AddrPort) error
	build func(dst []byte, conn uint64, transaction uint32) []byte
}

// gatherUDP asks every address family of a UDP tracker, and has the answers read by
// parse.
func gatherUDP[T any](ctx context.Context, c *Client, q query, parse func(answer) (T, error)) ([]T, error) {
	xs, err := c.exchanges(ctx, q)
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
	return gather(ctx, c, q.call, asks)
}

// gather asks every address family of a tracker at once and returns what they
// answered: at least one answer, or an error.
func gather[T any](ctx context.Context, c *Client, k *call, asks []func(context.Context) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	results := make(chan result)
	for _, ask := range asks {
		go func() {
			var r result
			if panicked := c.cfg.Guard.Do(func() { r.value, r.err = ask(ctx) }); panicked != nil {
				r.err = panicked
			}
			if len(asks) > 1 && spoke(r.err) {
				time.AfterFunc(c.grace(k), cancel)
			}
			results <- r
		}()
	}
	var all []T
	var errs []error
	for range asks {
		if r := <-results; r.err == nil {
			all = append(all, r.value)
		} else {
			errs = append(errs, r.err)
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, worst(errs)
}

func (c *Client) grace(k *call) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.urgent {
		return urgentGrace
	}
	return grace
}

// spoke reports whether an outcome is the tracker's own word: an answer, or what
// it gave for one.
func spoke(err error) bool {
	var refused *Refusal
	return err == nil || errors.As(err, &refused) || errors.Is(err, ErrReply) || errors.Is(err, ErrNotServed)
}

// worst picks the error that says most: the tracker's own word, before what kept
// it from us, before the end of the call, before a family that cannot be reached
// from here.
func worst(errs []error) error {
	rank := func(err error) int {
		switch {
		case spoke(err):
			return 0
		case hopeless(err):
			return 3
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return 2
		}
		return 1
	}
	return slices.MinFunc(errs, func(a, b error) int { return rank(a) - rank(b) })
}

// exchanges prepares a question to each family that the tracker and we have.
func (c *Client) exchanges(ctx context.Context, q query) ([]*exchange, error) {
	addrs, err := c.addresses(ctx, q.host)
	if err != nil {
		return nil, err
	}
	var xs []*exchange
	var errs []error
	for _, v6 := range []bool{false, true} {
		some := family(addrs, v6, q.port)
		if len(some) == 0 || !c.speaks(v6) {
			continue
		}
		s, err := c.socket(v6)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		xs = append(xs, &exchange{
			c: c, s: s, call: q.call, addrs: some, admit: q.admit, build: q.build,
			renew: func(ctx context.Context) []netip.AddrPort {
				ctx, cancel := context.WithTimeout(ctx, renewWait)
				defer cancel()
				addrs, _ := c.addresses(ctx, q.host)
				return family(addrs, v6, q.port)
			},
		})
	}
	if len(xs) == 0 {
		return nil, fmt.Errorf("%w: %w", ErrNoAddress, errors.Join(errs...))
	}
	return xs, nil
}

// family picks the addresses of one family.
func family(addrs []netip.Addr, v6 bool, port uint16) []netip.AddrPort {
	var some []netip.AddrPort
	for _, a := range addrs {
		if a.Is6() == v6 && !a.IsUnspecified() && !a.IsMulticast() && a != broadcast {
			some = append(some, netip.AddrPortFrom(a, port))
		}
	}
	return some
}

// speaks reports whether we announce over a family at all.
func (c *Client) speaks(v6 bool) bool {
	switch l := c.cfg.Listen; {
	case !l.IsValid(), l == netip.IPv6Unspecified():
		return true
	default:
		return l.Is6() == v6
	}
}

// socket returns the socket of a family, opened now if it is not yet.
func (c *Client) socket(v6 bool) (*socket, error) {
	i, network, host := 0, "udp4", netip.IPv4Unspecified()
	if v6 {
		i, network, host = 1, "udp6", netip.IPv6Unspecified()
	}
	if c.cfg.Listen.IsValid() && c.cfg.Listen.Is6() == v6 {
		host = c.cfg.Listen
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sockets[i] != nil {
		return c.sockets[i], nil
	}
	if c.isClosed() {
		return nil, ErrClosed
	}
	pc, err := c.cfg.ListenPacket(network, netip.AddrPortFrom(host, 0).String())
	if err != nil {
		return nil, err
	}
	s := &socket{pc: pc, done: make(chan struct{}), open: make(map[question]func([]byte))}
	c.sockets[i] = s
	go c.read(s)
	return s, nil
}
