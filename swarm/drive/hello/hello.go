// Package hello proves to one another who is at the two ends of a connection.
//
// The dialler first proves that he has the drive key, without saying who he is; the
// acceptor answers with his hello, which proves it too; then the dialler sends his.
// Each hello is signed by its sender's member key. All that is proven is over random
// numbers of both sides, new for each connection, and over the drive, so that it is
// of no use on another connection, in the other role, or in another drive. Nobody
// tells key or name to one who has not proven the drive key. What follows is not
// encrypted here: who stands between two members and relays what they say reads
// along.
//
// It does not know how messages travel, nor who is let in. It has no state and
// starts no goroutine; Greet blocks as long as the Conn does, which is to end it in
// time.
package hello

import (
	"errors"
	"fmt"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// Why a connection is not one to another member.
var (
	ErrHello   = errors.New("hello is not signed by its key")
	ErrProof   = errors.New("drive key not proven")
	ErrVersion = errors.New("speaks another version of the protocol")
	ErrSelf    = errors.New("connected to ourselves")
	ErrCopy    = errors.New("another process has our member key")
)

// OutdatedError is a hello of an older version: it wraps ErrVersion.
type OutdatedError struct {
	Name string // as its sender calls himself; nothing is proven of it
}

func (OutdatedError) Error() string { return "runs an older p2pfs" }
func (OutdatedError) Unwrap() error { return ErrVersion }

// CopyError is a hello of another process with our key: it wraps ErrCopy.
type CopyError struct{ Other Process }

func (CopyError) Error() string { return ErrCopy.Error() }
func (CopyError) Unwrap() error { return ErrCopy }

// Process tells the processes that have one key apart.
type Process struct {
	Began int64 // in microseconds of Unix time
	Moved bool  // its key was made on another machine
}

// Yields reports whether p is to give way to other, which has the same key: the one
// that has moved does, of two that have or have not the one that began later. The
// other process comes to the opposite result.
func (p Process) Yields(other Process) bool {
	if p.Moved != other.Moved {
		return p.Moved
	}
	return p.Began > other.Began
}

// A Conn carries messages to and from the other side. Each call may block; Hear
// fails when the connection ends.
type Conn interface {
	Hear() (message.Message, error)
	Say(message.Message)
	Drain() // reads until the other side has closed
}

// Terms are what a connection is.
type Terms struct {
	// Dialler and Acceptor are random, new for each connection, and known to both.
	Dialler, Acceptor [32]byte
	Dialled           bool   // we are the dialler
	Probe             bool   // dialled only to learn who is there: we stay unknown
	Port              uint16 // at which we listen; 0: nowhere
}

// Self is who we are. Immutable.
type Self struct {
	Secret     [32]byte // the drive key
	Rendezvous catalog.Salt
	Identity   *catalog.Identity
	Name       string
	Process    Process
	Now        func() time.Time // the wall clock
}

// Member is who is at the other end, and signed for it.
type Member struct {
	Key   catalog.Key
	Name  string
	Port  uint16    // at which he says he listens; 0: nowhere
	Clock time.Time // his
	Heard time.Time // when that was
}

// Ahead returns by how much his clock is before ours, which is at now, as far as he
// has not set his since: that we set ours is seen.
func (m *Member) Ahead(now time.Time) time.Duration {
	return m.Clock.Add(time.Since(m.Heard)).Sub(now).Round(time.Second)
}

// Greet finds out who is at the other end of a connection, and says who we are. Its
// errors wrap those of this package, or are the Conn's.
func (s *Self) Greet(c Conn, t Terms) (Member, error) {
	r := &rite{secret: s.Secret, rendezvous: s.Rendezvous, dialler: t.Dialler, acceptor: t.Acceptor}
	if t.Dialled {
		return s.present(c, r, t)
	}
	return s.welcome(c, r, t)
}

// present is the dialler's part: prove, hear who that is, say who we are.
func (s *Self) present(c Conn, r *rite, t Terms) (Member, error) {
	c.Say(r.prove())
	m, err := s.hear(c, r, false)
	copied := errors.Is(err, ErrCopy)
	if err == nil && !t.Probe || copied {
		c.Say(s.hello(r, t.Port, true))
	}
	if copied { // the other process is to hear of us before we hang up
		c.Drain()
	}
	return m, err
}

// welcome is the acceptor's part: nothing is said before the dialler has proven
// the drive key.
func (s *Self) welcome(c Conn, r *rite, t Terms) (Member, error) {
	first, err := c.Hear()
	if err != nil {
		return Member{}, err
	}
	switch m := first.(type) {
	case message.Prove:
		if m.Version != message.Version || !r.proven(m) {
			return Member{}, ErrProof
		}
	case message.Hello:
		return Member{}, wrongVersion(m)
	default:
		return Member{}, fmt.Errorf("%w: first message is no proof", ErrProof)
	}
	c.Say(s.hello(r, t.Port, false))
	return s.hear(c, r, true)
}

// hello returns ours.
func (s *Self) hello(r *rite, port uint16, byDialler bool) message.Hello {
	h := message.Hello{
		Version: message.Version, Key: s.Identity.Key(), Name: s.Name, Port: port,
		Clock: s.Now().Unix(), Began: s.Process.Began, Moved: s.Process.Moved,
	}
	r.seal(&h, byDialler, s.Identity)
	return h
}

// hear reads the other side's hello.
func (s *Self) hear(c Conn, r *rite, byDialler bool) (Member, error) {
	first, err := c.Hear()
	if err != nil {
		return Member{}, err
	}
	h, ok := first.(message.Hello)
	switch {
	case !ok:
		return Member{}, fmt.Errorf("%w: no hello where one is due", ErrHello)
	case h.Version != message.Version:
		return Member{}, wrongVersion(h)
	}
	if err := r.check(&h, byDialler); err != nil {
		return Member{}, err
	}
	if h.Key == s.Identity.Key() {
		if h.Began == s.Process.Began { // our own, passed on by somebody in between
			return Member{}, ErrSelf
		}
		return Member{}, CopyError{Process{h.Began, h.Moved}}
	}
	return Member{Key: h.Key, Name: h.Name, Port: h.Port, Clock: time.Unix(h.Clock, 0), Heard: time.Now()}, nil
}

// wrongVersion says what is wrong with a hello of another version.
func wrongVersion(h message.Hello) error {
	if h.Version < message.Version {
		return OutdatedError{h.Name}
	}
	return fmt.Errorf("%w: %d", ErrVersion, h.Version)
}
