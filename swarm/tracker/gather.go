package tracker

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/guard"
)

// How much longer the other address family may take once one has answered.
const (
	grace       = time.Second
	urgentGrace = 300 * time.Millisecond
)

// gather asks every address family of a tracker at once and returns what they
// answered: at least one answer, or an error.
func gather[T any](ctx context.Context, g *guard.Guard, k *call, asks []func(context.Context) (T, error)) ([]T, error) {
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
			if panicked := g.Do(func() { r.value, r.err = ask(ctx) }); panicked != nil {
				r.err = panicked
			}
			if len(asks) > 1 && spoke(r.err) {
				time.AfterFunc(k.grace(), cancel)
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
