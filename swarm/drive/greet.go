package drive

import (
	"errors"
	"fmt"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
)

// greeter greets those at the other ends of connections. Immutable.
type greeter struct {
	key        Key
	rendezvous catalog.Salt
	id         *catalog.Identity
	name       string
	began      int64 // of this drive, in microseconds of Unix time
	moved      bool  // see Config.Moved
	now        func() time.Time
}

// greet makes a connection known whose handshakes are through: after it, key, name
// and port are of who signed for them. In a probe we stay unknown ourselves.
//
// Nobody tells key or name to one who has not proven the drive key: the dialler
// proves it, without saying who he is; the acceptor answers with his hello,
// which proves it too; then the dialler sends his.
func (g *greeter) greet(c *conn) error {
	r := &rite{key: g.key, rendezvous: g.rendezvous, dialler: c.net.Hello.Dialler, acceptor: c.net.Hello.Acceptor}
	if c.net.Dialled.IsValid() {
		return g.present(c, r)
	}
	return g.welcome(c, r)
}

// present is the dialler's part: prove, hear who that is, say who we are.
func (g *greeter) present(c *conn, r *rite) error {
	c.send(r.prove())
	err := g.readHello(c, r, false)
	copied := errors.As(err, new(copyError))
	if err == nil && !c.net.Hello.Probe || copied {
		c.send(g.hello(c, r, true))
	}
	if copied { // the other process is to hear of us before we hang up
		c.net.Drain()
	}
	return err
}

// welcome is the acceptor's part: nothing is said before the dialler has proven
// the drive key.
func (g *greeter) welcome(c *conn, r *rite) error {
	m, err := c.read()
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case message.Prove:
		if m.Version != message.Version || !r.proven(m) {
			return ErrProof
		}
	case message.Hello:
		return wrongVersion(m)
	default:
		return fmt.Errorf("%w: first message is no proof", ErrProof)
	}
	c.send(g.hello(c, r, false))
	return g.readHello(c, r, true)
}

// hello returns ours.
func (g *greeter) hello(c *conn, r *rite, byDialler bool) message.Hello {
	h := message.Hello{
		Version: message.Version, Key: g.id.Key(), Name: g.name, Port: c.net.Hello.Port,
		Clock: g.now().Unix(), Began: g.began, Moved: g.moved,
	}
	r.seal(&h, byDialler, g.id)
	return h
}

// readHello reads the other side's hello.
func (g *greeter) readHello(c *conn, r *rite, byDialler bool) error {
	m, err := c.read()
	if err != nil {
		return err
	}
	h, ok := m.(message.Hello)
	switch {
	case !ok:
		return fmt.Errorf("%w: no hello where one is due", ErrHello)
	case h.Version != message.Version:
		return wrongVersion(h)
	}
	if err := r.check(&h, byDialler); err != nil {
		return err
	}
	if h.Key == g.id.Key() {
		if h.Began == g.began { // our own, passed on by somebody in between
			return gather.ErrSelf
		}
		return copyError{process{h.Began, h.Moved}}
	}
	c.key, c.name, c.port = h.Key, h.Name, h.Port
	c.clock, c.clockAt = time.Unix(h.Clock, 0), time.Now()
	return nil
}

// wrongVersion says what is wrong with a hello of another version.
func wrongVersion(h message.Hello) error {
	if h.Version < message.Version {
		return outdatedError{h.Name}
	}
	return fmt.Errorf("%w: %d", ErrVersion, h.Version)
}
