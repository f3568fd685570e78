// Package who asks the members of a drive who has a file, and says what they are
// answered.
//
// It is pure: members are numbers, never used again, and now is a parameter; it
// has no connection, goroutine, lock or clock, and belongs to whoever made it. It
// does not know what files are, nor who is connected.
//
// What a member says of himself is believed of the address where he listens. Of
// others he may tell of a few, of those that he may tell of at all
// (netgroup.MayTell), and his last answer is the one that counts: so whoever lies
// hides nobody. The number of questions is bounded; what was answered is forgotten
// after a minute.
package who

import (
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/hashing"
)

// Bounds on questions for holders.
const (
	maxInquiries = 4096
	askAgain     = 10 * time.Second // after which members are asked again
	answerTime   = 3 * time.Second  // within which they should have answered
	inquiryLife  = time.Minute      // after which an answer is forgotten
	maxHearsay   = 4                // holders besides himself that a member's answer may name
)

// Member is one who answers.
type Member struct {
	ID     int
	Key    catalog.Key
	Remote netip.Addr     // from where; zero if it has no address
	Listen netip.AddrPort // where he listens; zero: nowhere
}

// Inquiries are the questions for holders, by file.
type Inquiries struct {
	files map[hashing.Content]*inquiry
}

// inquiry is a question for the holders of a file.
type inquiry struct {
	asked   time.Time
	pending map[int]bool // members that have not answered
	found   findings
	waiting []inquirer
}

// inquirer is one who waits for holders: what is known without asking, and how he
// is told.
type inquirer struct {
	known []message.Holder
	tell  func([]message.Holder)
}

// New makes Inquiries of which there is none.
func New() *Inquiries { return &Inquiries{make(map[hashing.Content]*inquiry)} }

// Ask has tell called with the holders of a file, once: as soon as one is known, as
// those in known are without asking, or nobody is left who may know of one. It
// returns which of the members are to be asked now.
func (a *Inquiries) Ask(file hashing.Content, known []message.Holder, tell func([]message.Holder), members []int, now time.Time) (ask []int) {
	q := a.files[file]
	if q == nil {
		if len(a.files) >= maxInquiries && !a.forgetOne() {
			tell(nil)
			return nil
		}
		q = &inquiry{pending: make(map[int]bool), found: make(findings)}
		a.files[file] = q
	}
	if now.Sub(q.asked) > askAgain || len(q.found) == 0 && len(q.pending) == 0 {
		q.asked = now
		q.found.expire(now)
		for _, id := range members {
			if !q.pending[id] {
				q.pending[id] = true
				ask = append(ask, id)
			}
		}
	}
	q.waiting = append(q.waiting, inquirer{known, tell})
	q.settle()
	return ask
}

// settle answers those who wait, if there is something to tell or nothing to
// hope for.
func (q *inquiry) settle() {
	q.waiting = slices.DeleteFunc(q.waiting, func(w inquirer) bool {
		done := len(q.found)+len(w.known) > 0 || len(q.pending) == 0
		if done {
			w.tell(q.found.list(w.known))
		}
		return done
	})
}

// Answer takes in what a member says of a file's holders. asked: he was asked, and
// has not answered yet; useful: he knows of one.
func (a *Inquiries) Answer(m Member, holds message.Holds, now time.Time) (asked, useful bool) {
	q := a.files[holds.File]
	if q == nil || !q.pending[m.ID] {
		return false, false
	}
	delete(q.pending, m.ID)
	useful = q.found.note(m, holds.Holders, now)
	q.settle()
	return true, useful
}

// Leave stops waiting for a member who is gone.
func (a *Inquiries) Leave(id int) {
	for _, q := range a.files {
		if q.pending[id] {
			delete(q.pending, id)
			q.settle()
		}
	}
}

// Expire stops waiting for late answers and forgets old ones.
func (a *Inquiries) Expire(now time.Time) {
	for file, q := range a.files {
		age := now.Sub(q.asked)
		if age > answerTime && len(q.waiting) > 0 {
			clear(q.pending) // whoever waits is told what there is
			q.settle()
		}
		if age > inquiryLife {
			delete(a.files, file)
		}
	}
}

// forgetOne makes room for a new question: the oldest that nobody waits for
// goes.
func (a *Inquiries) forgetOne() bool {
	var oldest hashing.Content
	var at time.Time
	for file, q := range a.files {
		if len(q.waiting) == 0 && (at.IsZero() || q.asked.Before(at)) {
			oldest, at = file, q.asked
		}
	}
	delete(a.files, oldest)
	return !at.IsZero()
}

// Reply is what a member is answered who asks who holds a file: as much of it as
// he takes.
func Reply(file hashing.Content, holders []message.Holder) message.Holds {
	m := message.Holds{File: file}
	bits, others := 0, 0
	for _, h := range holders {
		if h.Addr.IsValid() {
			if others++; others > maxHearsay {
				continue
			}
		}
		if bits += len(h.Pieces.Bits); len(m.Holders) == message.MaxHolders || bits > message.MaxBits {
			break
		}
		m.Holders = append(m.Holders, h)
	}
	return m
}
