package drive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/drive/who"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/wire"
)

// accepted runs a connection that came to us, and calls greeted when the
// handshake is over.
func (d *Drive) accepted(c *conn, hs *wire.Handshake, greeted func()) {
	err := d.attach(c, func() error {
		err := d.greeter.greet(c, hs, false)
		if errors.Is(err, ErrVersion) || errors.Is(err, ErrCopy) {
			d.post(d.ctx, refused{c.remote, err})
		}
		return err
	}, greeted)
	d.log.Debug("member connection over", "peer", c.remote, "member", c.key.Short(), "err", err)
}

// dial makes a connection and runs it. A probe only finds out who listens.
func (d *Drive) dial(addr netip.AddrPort, probe bool) {
	ctx, cancel := context.WithTimeout(d.ctx, handshakeTime)
	var nc net.Conn
	err := d.guarded(func() (err error) { nc, err = d.cfg.Dialer.Dial(ctx, addr); return err })
	cancel()
	if err != nil {
		d.post(d.ctx, dialFailed{addr, err})
		return
	}
	c := newConn(nc, addr)
	failed := guard.ErrPanic // unless greet returns
	err = d.attach(c, func() error {
		failed = d.greeter.greet(c, nil, probe)
		if failed == nil && probe {
			d.post(d.ctx, probed{addr, c.key})
			return errProbed
		}
		return failed
	}, func() {})
	if failed != nil {
		d.post(d.ctx, dialFailed{addr, failed})
	}
	d.log.Debug("member connection over", "peer", addr, "member", c.key.Short(), "err", err)
}

var errProbed = errors.New("address verified")

// attach runs a connection from its handshake to its end and returns why it
// ended. greeted is called when the handshake is over, well or not.
func (d *Drive) attach(c *conn, greet func() error, greeted func()) error {
	defer context.AfterFunc(d.ctx, func() { c.close(ErrClosed) })()
	written := make(chan struct{})
	go func() {
		defer close(written)
		err := d.guarded(func() error { c.write(func() { d.post(d.ctx, drained{c}) }); return nil })
		c.close(cmp.Or(err, ErrClosed)) // write has closed it, unless it panicked
	}()
	defer func() { <-written }()
	err := d.guarded(greet)
	greeted()
	if err == nil {
		verdict := make(chan error, 1)
		if err = d.post(d.ctx, joined{c, verdict}); err == nil {
			select {
			case err = <-verdict:
			case <-d.ctx.Done():
				err = ErrClosed
			}
		}
		if err == nil {
			err = d.guarded(func() error { return d.receive(c) })
			c.close(err)
			d.post(d.ctx, left{c})
		}
	}
	c.close(err)
	return c.err
}

// guarded calls f, and returns its error or, where it panicked, that.
func (d *Drive) guarded(f func() error) (err error) {
	if panicked := d.cfg.Guard.Do(func() { err = f() }); panicked != nil {
		return panicked
	}
	return err
}

// receive reads messages until the connection ends.
func (d *Drive) receive(c *conn) error {
	ctx, cancel := context.WithCancel(d.ctx)
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel()
	sender.Go(func() {
		if err := d.guarded(func() error { d.send(ctx, c, c.owed); return nil }); err != nil {
			c.close(err)
		}
	})
	for {
		m, err := c.read()
		if err == nil {
			err = d.handle(c, m)
		}
		if err != nil {
			c.close(err) // before the sender is waited for, who may be writing
			return err
		}
	}
}

// handle answers what can be answered here and hands the rest to the loop.
func (d *Drive) handle(c *conn, m message.Message) error {
	switch m := m.(type) {
	case message.Get:
		c.owed.add(m.Hashes)
		return nil
	case message.Who:
		c.allow(d.ctx, c.allowance, 1)
		c.reply(d.answer(m.File))
		return nil
	case message.Object:
		return d.post(d.ctx, received{c: c, m: m, hash: catalog.HashObject(m.Data)})
	case message.Heads:
		c.allow(d.ctx, c.headRoom, len(m.Heads))
		for i := range m.Heads {
			if err := m.Heads[i].Admit(d.greeter.rendezvous); err != nil {
				return fmt.Errorf("%w: %w", ErrForged, err)
			}
		}
		return d.postInTurn(c, m)
	case message.Summary:
		c.allow(d.ctx, c.headRoom, 1+len(m.Versions)/20)
		return d.postInTurn(c, m)
	case message.Peers, message.Holds:
		c.allow(d.ctx, c.allowance, 1)
	case message.Hello, message.Prove:
		return message.ErrMalformed
	}
	return d.post(d.ctx, received{c: c, m: m})
}

// postInTurn hands a message to the loop and waits until that is through with it: so that
// whoever sends many of a kind that costs the loop much does not fill its queue,
// in which what others answer stands too.
func (d *Drive) postInTurn(c *conn, m message.Message) error {
	taken := make(chan struct{})
	if err := d.post(d.ctx, received{c: c, m: m, taken: taken}); err != nil {
		return err
	}
	select {
	case <-taken:
		return nil
	case <-c.done:
		return c.err
	case <-d.ctx.Done():
		return ErrClosed
	}
}

// allow takes n from what the peer may send unasked, and waits if there is not
// so much.
func (c *conn) allow(ctx context.Context, from *rate.Limiter, n int) {
	r := from.ReserveN(time.Now(), n)
	wait := r.Delay()
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.done:
	case <-ctx.Done():
	}
}

// answer says who holds a file.
func (d *Drive) answer(file Content) message.Holds {
	var holders []Holder
	if f := d.cfg.Holders; f != nil {
		holders = f(file)
	}
	return who.Reply(file, holders)
}
