package tracker

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"p2pfs/swarm/tracker/packet"
)

const (
	// firstWait is how long the first try may take; each further one waits twice
	// as long, until it has doubled maxDoubling times (BEP 15).
	firstWait   = 15 * time.Second
	maxDoubling = 8
)

// errTimeout says that it is time for the next try.
var errTimeout = errors.New("no reply")

// An exchange is one question to the tracker over one address family, through
// all its tries. It belongs to one goroutine.
type exchange struct {
	c     *Client
	s     *socket
	call  *call
	addrs []netip.AddrPort // the tracker's, asked in turn
	// admit, if set, waits until a packet may be sent to addr.
	admit func(ctx context.Context, addr netip.AddrPort) error
	// build appends the request.
	build func(dst []byte, conn uint64, transaction uint32) []byte
	// renew, if set, looks the addresses up again before a further try.
	renew func(ctx context.Context) []netip.AddrPort

	n     int    // doublings of the wait
	tries int    // tries that ended without an answer
	asked bool   // the request itself was sent
	mine  uint64 // the connection id that this exchange got, if it did
	used  uint64 // the connection id of the last request
	again bool   // a stale connection id was already mended once
}

// An answer is a reply, and who gave it.
type answer struct {
	reply []byte
	from  netip.AddrPort
}

// run asks until there is an answer, an error that no retry mends, or the call
// ends.
func (x *exchange) run(ctx context.Context) (answer, error) {
	for {
		addr := x.addrs[x.tries%len(x.addrs)]
		reply, err := x.try(ctx, addr)
		switch {
		case err == nil:
			return answer{reply, addr}, nil
		case x.stale(addr, err):
			continue
		case !errors.Is(err, errTimeout):
			return answer{}, err
		}
		x.tries++
		x.n = min(x.n+1, maxDoubling)
		if x.renew != nil {
			if addrs := x.renew(ctx); len(addrs) > 0 {
				x.addrs = addrs
			}
		}
	}
}

// try gets a connection id if there is none, and asks once.
func (x *exchange) try(ctx context.Context, addr netip.AddrPort) ([]byte, error) {
	id, fresh, err := x.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	if fresh {
		x.mine = id
		if !x.asked {
			x.n = 0 // the tracker is there
		}
	}
	if x.admit != nil {
		if err := x.admit(ctx, addr); err != nil {
			return nil, err
		}
	}
	x.asked, x.used = true, id
	reply, err := x.ask(ctx, addr, id)
	if errors.Is(err, errTimeout) && id != x.mine {
		// A tracker that was started anew does not answer to its old ids.
		x.c.dropConn(addr, id)
	}
	if err == nil {
		return reply, refusal(reply)
	}
	return nil, err
}

// ask sends the request and waits for its answer until the next try is due.
func (x *exchange) ask(ctx context.Context, addr netip.AddrPort, id uint64) ([]byte, error) {
	came := make(chan []byte, 1)
	x.c.mu.Lock()
	q := x.s.ask(addr, func(reply []byte) { came <- append([]byte(nil), reply...) })
	x.c.mu.Unlock()
	defer x.c.forget(x.s, q)
	if err := x.c.send(x.s, x.build(nil, id, q.transaction), addr); err != nil {
		return nil, err
	}
	return await(ctx, x, came)
}

// stale reports whether a refusal is about a connection id that was got before
// this exchange began, and if so drops it: some trackers say so rather than
// keep silent.
func (x *exchange) stale(addr netip.AddrPort, err error) bool {
	var refused *Refusal
	if x.again || x.mine != 0 || !errors.As(err, &refused) ||
		!strings.Contains(strings.ToLower(refused.Message), "connection id") {
		return false
	}
	x.again = true
	x.c.dropConn(addr, x.used)
	return true
}

// await waits for ch, until the next try is due (errTimeout) or the call ends.
// The wait counts from now and shrinks when the call becomes urgent.
func await[T any](ctx context.Context, x *exchange, ch <-chan T) (T, error) {
	var none T
	sent := time.Now()
	hurried := x.call.hurried
	timer := time.NewTimer(x.wait())
	defer timer.Stop()
	for {
		select {
		case v := <-ch:
			return v, nil
		case <-hurried:
			hurried = nil
			timer.Reset(time.Until(sent.Add(x.wait())))
		case <-timer.C:
			return none, errTimeout
		case <-ctx.Done():
			return none, context.Cause(ctx)
		}
	}
}

// wait is how long this try may take.
func (x *exchange) wait() time.Duration {
	select {
	case <-x.call.hurried:
		return firstWait
	default:
		return firstWait << x.n
	}
}

// refusal is the error that an error reply carries, nil for other replies.
func refusal(p []byte) error {
	head, err := packet.ParseReply(p)
	if err != nil || head.Action != packet.Error {
		return nil
	}
	text := p[packet.ReplyLen:]
	return &Refusal{string(text[:min(len(text), maxMessage)])}
}
