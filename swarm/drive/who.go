package drive

import (
	"context"
	"slices"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/netgroup"
)

// Bounds on questions for holders.
const (
	maxInquiries = 4096
	askAgain     = 10 * time.Second // after which members are asked again
	answerTime   = 3 * time.Second  // within which they should have answered
	inquiryLife  = time.Minute      // after which an answer is forgotten
	maxHearsay   = 4                // holders besides himself that a member's answer may name
)

// Who returns holders of a file, the surest first: those of publishers who are
// connected, whose catalogue has the file; members who say that they have pieces
// of it; whom others say so of.
//
// It asks all connected members and returns as soon as one knows of a piece, at
// once where a publisher is connected; what the others answer later is there at
// the next call, which then returns at once. Nothing and no error: nobody who is
// connected knows of one.
func (d *Drive) Who(ctx context.Context, file Content, publishers ...catalog.Key) ([]Holder, error) {
	result := make(chan []Holder, 1)
	inquire := asking{func(l *loop) { l.inquire(file, publishers, result) }, func(error) { offer(result, nil) }}
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
	found   findings
	waiting []inquirer
}

// inquirer is one who waits for holders: what is known without asking, and where
// he is told.
type inquirer struct {
	known  []Holder
	result chan<- []Holder
}

func (l *loop) inquire(file Content, publishers []catalog.Key, result chan<- []Holder) {
	now := time.Now()
	q := l.asks[file]
	if q == nil {
		if len(l.asks) >= maxInquiries && !l.forgetInquiry() {
			result <- nil
			return
		}
		q = &inquiry{pending: make(map[int]bool), found: make(findings)}
		l.asks[file] = q
	}
	if now.Sub(q.asked) > askAgain || len(q.found) == 0 && len(q.pending) == 0 {
		q.asked = now
		q.found.expire(now)
		for id, c := range l.byID {
			if !q.pending[id] && len(c.control) < controlQueue/2 {
				q.pending[id] = true
				c.send(message.Who{File: file})
			}
		}
	}
	q.waiting = append(q.waiting, inquirer{l.publishing(publishers), result})
	q.settle()
}

// publishing lists the publishers of a file who can be dialled for it: those who
// are connected, and where others were met.
func (l *loop) publishing(publishers []catalog.Key) (list []Holder) {
	for _, k := range publishers {
		if c := l.conns[k]; c != nil && netgroup.MayTell(c.remote.Addr(), c.listen) {
			list = append(list, Holder{Addr: c.listen, Member: k, Pieces: Pieces{All: true}})
		}
	}
	for _, k := range publishers {
		if l.conns[k] != nil || k == (catalog.Key{}) {
			continue
		}
		for _, a := range l.book.Of(book.Owner(k)) {
			list = append(list, Holder{Addr: a, Member: k, Pieces: Pieces{All: true}})
		}
	}
	return list
}

// settle answers those who wait, if there is something to tell or nothing to
// hope for.
func (q *inquiry) settle() {
	q.waiting = slices.DeleteFunc(q.waiting, func(w inquirer) bool {
		done := len(q.found)+len(w.known) > 0 || len(q.pending) == 0
		if done {
			w.result <- q.found.list(w.known) // has room for one, and gets one
		}
		return done
	})
}

func (l *loop) onHolds(c *conn, m message.Holds, now time.Time) {
	q := l.asks[m.File]
	if q == nil || !q.pending[c.id] {
		l.unasked(c, len(m.File.Root), now)
		return
	}
	delete(q.pending, c.id)
	if q.found.note(c, m.Holders, now) {
		c.active = now
	}
	q.settle()
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
			clear(q.pending) // whoever waits is told what there is
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
