package tracker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
	u     *udpTrackers
	s     *socket
	call  *call
	addrs []netip.AddrPort // the tracker's, asked in turn
	// admit, if set, waits until a packet may be sent to addr.
	admit func(ctx context.Context, addr netip.AddrPort) error
	// build appends the request.
	build func(dst []byte, conn uint64, transaction uint32) []byte
	// renew looks the addresses up again before a further try; none: as before.
	renew func(ctx context.Context) []netip.AddrPort

	came   chan answer             // the first answer, early or late
	asked  map[netip.AddrPort]*ask // under way
	n      int                     // doublings of the wait
	tries  int                     // tries that ended without an answer
	barred int                     // addresses in a row that cannot be reached from here
	mended bool                    // a stale connection id was found, once
}

// An ask is what an exchange has to do with one address, until it ends: answers
// that come late, during a further try, count too.
type ask struct {
	question        // of the request itself
	sent     bool   // it was sent
	conn     *conn  // in which this exchange is a waiter
	id       uint64 // the last connection id used
	fresh    bool   // it was got during this exchange
}

// An answer is a reply, and who gave it.
type answer struct {
	reply []byte
	from  netip.AddrPort
}

// run asks until there is an answer, an error that no retry mends, or ctx ends.
func (x *exchange) run(ctx context.Context) (answer, error) {
	x.came, x.asked = make(chan answer, 1), make(map[netip.AddrPort]*ask)
	defer x.finish()
	for {
		a := x.ask(x.addrs[x.tries%len(x.addrs)])
		ans, err := x.try(ctx, a)
		if err == nil {
			err = refusal(ans.reply)
		}
		switch {
		case err == nil:
			return ans, nil
		case x.stale(a, err):
		case hopeless(err) && x.barred+1 < len(x.addrs):
			x.barred++
			x.tries++
		case errors.Is(err, errTimeout):
			x.next(ctx)
		default:
			return answer{}, err
		}
	}
}

// next prepares the next try after one without an answer.
func (x *exchange) next(ctx context.Context) {
	x.barred = 0
	x.tries++
	if x.call.unanswered != nil {
		x.call.unanswered(x.tries)
	}
	x.n = min(x.n+1, maxDoubling)
	if addrs := x.renew(ctx); len(addrs) > 0 {
		x.addrs = addrs
	}
}

// ask begins to ask an address, or goes on.
func (x *exchange) ask(addr netip.AddrPort) *ask {
	a := x.asked[addr]
	if a != nil {
		return a
	}
	x.u.mu.Lock()
	defer x.u.mu.Unlock()
	a = &ask{conn: x.u.conn(addr)}
	a.conn.waiters++
	x.asked[addr] = a
	a.question = x.s.ask(addr, func(reply []byte) {
		select {
		case x.came <- answer{slices.Clone(reply), addr}:
		default: // another address was faster
		}
	})
	return a
}

// finish withdraws all questions.
func (x *exchange) finish() {
	x.u.mu.Lock()
	defer x.u.mu.Unlock()
	for _, a := range x.asked {
		x.withdraw(a)
	}
}

// try gets a connection id if there is none, sends the request once, and waits
// for the answer until the next try is due.
func (x *exchange) try(ctx context.Context, a *ask) (answer, error) {
	id, p, err := x.connect(a)
	if err != nil {
		return answer{}, err
	}
	if p != nil {
		ans, err := x.await(ctx, p.ready)
		if err != nil || ans.reply != nil {
			return ans, err
		}
		if p.err != nil {
			return answer{}, p.err
		}
		id, a.fresh = p.id, true
		if !a.sent {
			x.n = 0 // the tracker is there
		}
	}
	if x.admit != nil {
		if err := x.admit(ctx, a.addr); err != nil {
			return answer{}, err
		}
	}
	a.sent, a.id = true, id
	if err := x.u.send(x.s, x.build(nil, id, a.transaction), a.addr); err != nil {
		return answer{}, err
	}
	ans, err := x.await(ctx, nil)
	if errors.Is(err, errTimeout) && !a.fresh {
		// A tracker that was started anew does not answer to its old ids.
		x.u.dropConn(a.conn, id)
	}
	return ans, err
}

// stale reports whether a refusal is about a connection id that was got before
// this exchange began, and if so prepares another try: some trackers say so
// rather than keep silent.
func (x *exchange) stale(a *ask, err error) bool {
	var refused *Refusal
	if x.mended || a.fresh || !errors.As(err, &refused) ||
		!strings.Contains(strings.ToLower(refused.Message), "connection id") {
		return false
	}
	x.mended = true
	x.u.dropConn(a.conn, a.id)
	x.u.mu.Lock()
	defer x.u.mu.Unlock()
	x.withdraw(a)
	return true
}

// withdraw ends asking one address. The caller holds udpTrackers.mu.
func (x *exchange) withdraw(a *ask) {
	delete(x.s.open, a.question)
	a.conn.leave(x.s)
	delete(x.asked, a.addr)
}

// await waits for an answer, or for ready (the zero answer), until the next try
// is due (errTimeout) or ctx is done. The wait counts from now and shrinks when
// the call becomes urgent.
func (x *exchange) await(ctx context.Context, ready <-chan struct{}) (answer, error) {
	sent, hurried := time.Now(), x.call.hurried
	timer := time.NewTimer(x.wait())
	defer timer.Stop()
	for {
		select {
		case a := <-x.came:
			return a, nil
		case <-ready:
			return answer{}, nil
		case <-hurried:
			hurried = nil
			timer.Reset(time.Until(sent.Add(x.wait())))
		case <-timer.C:
			return answer{}, errTimeout
		case <-ctx.Done():
			return answer{}, fmt.Errorf("no reply after %d tries: %w", x.tries+1, ended(ctx))
		}
	}
}

// ended is why ctx is done.
func ended(ctx context.Context) error {
	switch cause := context.Cause(ctx); cause {
	case ErrClosed, errConnect, errWhole:
		return cause
	}
	return ctx.Err()
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
