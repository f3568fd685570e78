package drive

import (
	"context"
	"net/netip"
	"time"
)

// Bounds on questions for holders.
const (
	maxInquiries = 4096
	askAgain     = 10 * time.Second // after which members are asked again
	answerTime   = 3 * time.Second  // within which they should have answered
	inquiryLife  = time.Minute      // after which an answer is forgotten
	maxFound     = 200              // holders of one file
)

// Who returns holders of a file. It asks all connected
// members and returns as soon as one knows of a piece; what the others answer
// later is there at the next call, which then returns at once. Nothing and no
// error: nobody who is connected knows of one.
func (d *Drive) Who(ctx context.Context, file Content) ([]Holder, error) {
	result := make(chan []Holder, 1)
	inquire := asking{func(l *loop) { l.inquire(file, result) }, func(error) { offer(result, nil) }}
	if err := d.post(ctx, inquire); err != nil {
		return nil, err
	}
	select {
	case list := <-result:
		return list, nil
	case <-d.ctx.Done():
		return nil, ErrClosed
	case <-ctx.Done(): // the loop answers into the channel and forgets it
		return nil, ctx.Err()
	}
}

// inquiry is a question for the holders of a file.
type inquiry struct {
	asked   time.Time
	pending map[int]bool // connections that have not answered
	found   map[netip.AddrPort]Holder
	waiting []chan<- []Holder
}

func (l *loop) inquire(file Content, result chan<- []Holder) {
	now := time.Now()
	q := l.asks[file]
	if q == nil {
		if len(l.asks) >= maxInquiries && !l.forgetInquiry() {
			result <- nil
			return
		}
		q = &inquiry{pending: make(map[int]bool), found: make(map[netip.AddrPort]Holder)}
		l.asks[file] = q
	}
	if now.Sub(q.asked) > askAgain || len(q.found) == 0 && len(q.pending) == 0 {
		q.asked = now
		for id, c := range l.byID {
			if !q.pending[id] && len(c.control) < controlQueue/2 {
				q.pending[id] = true
				c.send(who{file})
			}
		}
	}
	q.waiting = append(q.waiting, result)
	q.settle()
}

// settle answers those who wait, if there is something to tell or nothing to
// hope for.
func (q *inquiry) settle() {
	if len(q.found) == 0 && len(q.pending) > 0 {
		return
	}
	for _, result := range q.waiting {
		list := make([]Holder, 0, len(q.found))
		for _, h := range q.found {
			list = append(list, h)
		}
		result <- list // has room for one, and gets one
	}
	q.waiting = nil
}

func (l *loop) onHolds(c *conn, m holds, now time.Time) {
	q := l.asks[m.file]
	if q == nil || !q.pending[c.id] {
		l.unasked(c, len(m.file.Root), now)
		return
	}
	delete(q.pending, c.id)
	for _, h := range m.holders {
		if !h.addr.IsValid() {
			h.addr, h.key = c.listen, c.key
		} else if !c.plausible(h.addr) {
			continue
		}
		if h.addr.IsValid() && h.pieces.useful() && len(q.found) < maxFound {
			q.found[h.addr] = Holder{h.addr, h.key, h.pieces}
			c.active = now
		}
	}
	q.settle()
}

// plausible reports whether an address that a peer tells of can be dialled. Our
// own machine is only of interest to those who are on it.
func (c *conn) plausible(a netip.AddrPort) bool {
	ip := a.Addr()
	local := ip.IsLoopback() || ip.IsLinkLocalUnicast()
	return dialable(a) && (!local || c.remote.Addr().IsLoopback() || c.remote.Addr().IsLinkLocalUnicast())
}

// leaveInquiries stops waiting for a connection that is gone.
func (l *loop) leaveInquiries(id int) {
	for _, q := range l.asks {
		if q.pending[id] {
			delete(q.pending, id)
			q.settle()
		}
	}
}

// expireInquiries stops waiting for late answers and forgets old ones.
func (l *loop) expireInquiries(now time.Time) {
	for file, q := range l.asks {
		age := now.Sub(q.asked)
		if age > answerTime && len(q.waiting) > 0 {
			clear(q.pending)
			q.settle()
		}
		if age > inquiryLife {
			delete(l.asks, file)
		}
	}
}

// forgetInquiry makes room for a new question: the oldest that nobody waits
// for goes.
func (l *loop) forgetInquiry() bool {
	var oldest Content
	var at time.Time
	for file, q := range l.asks {
		if len(q.waiting) == 0 && (at.IsZero() || q.asked.Before(at)) {
			oldest, at = file, q.asked
		}
	}
	delete(l.asks, oldest)
	return !at.IsZero()
}
