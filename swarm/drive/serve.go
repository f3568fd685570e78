package drive

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/drive/who"
)

// Serve runs the connection until it ends, and says why it did.
func (c *conn) Serve() error {
	d := c.d
	taken := make(chan error, 1)
	if err := d.post(d.ctx, joined{c, taken}); err != nil {
		return err
	}
	var err error
	select {
	case err = <-taken:
	case <-d.ctx.Done():
		err = ErrClosed
	}
	if err == nil {
		err = d.guarded(func() error { return c.receive() })
		c.net.Close(err)
		d.post(d.ctx, left{c})
	}
	return err
}

// guarded calls f, and returns its error or, where it panicked, that.
func (d *Drive) guarded(f func() error) (err error) {
	if panicked := d.cfg.Guard.Do(func() { err = f() }); panicked != nil {
		return panicked
	}
	return err
}

// receive reads messages until the connection ends.
func (c *conn) receive() error {
	d := c.d
	ctx, cancel := context.WithCancel(d.ctx)
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel()
	sender.Go(func() {
		if err := d.guarded(func() error { c.sendOwed(ctx); return nil }); err != nil {
			c.net.Close(err)
		}
	})
	for {
		m, err := c.Hear()
		if err == nil {
			err = c.handle(m)
		}
		if err != nil {
			c.net.Close(err) // before the sender is waited for, who may be writing
			return err
		}
	}
}

// handle answers what can be answered here and hands the rest to the loop.
func (c *conn) handle(m message.Message) error {
	d := c.d
	switch m := m.(type) {
	case message.Get:
		c.owed.add(m.Hashes)
		return nil
	case message.Who:
		c.allow(d.ctx, c.allowance, 1)
		c.reply(who.Reply(m.File, d.cfg.Files.Holders(m.File)))
		return nil
	case message.Object:
		return d.post(d.ctx, received{c: c, m: m, hash: catalog.HashObject(m.Data)})
	case message.Heads:
		c.allow(d.ctx, c.headRoom, len(m.Heads))
		for i := range m.Heads {
			if err := m.Heads[i].Admit(d.self.Rendezvous); err != nil {
				return fmt.Errorf("%w: %w", ErrForged, err)
			}
		}
		return c.postInTurn(m)
	case message.Summary:
		c.allow(d.ctx, c.headRoom, 1+len(m.Versions)/20)
		return c.postInTurn(m)
	case message.Peers:
		c.allow(d.ctx, c.allowance, 1)
		addrs := make([]netip.AddrPort, 0, len(m.Members))
		for _, a := range m.Members {
			addrs = append(addrs, a.Addr)
		}
		d.swarm.Hear(c.net.Remote.Addr(), addrs)
		return nil
	case message.Holds:
		c.allow(d.ctx, c.allowance, 1)
	case message.Hello, message.Prove:
		return message.ErrMalformed
	}
	return d.post(d.ctx, received{c: c, m: m})
}

// postInTurn hands a message to the loop and waits until that is through with it: so that
// whoever sends many of a kind that costs the loop much does not fill its queue,
// in which what others answer stands too.
func (c *conn) postInTurn(m message.Message) error {
	d := c.d
	taken := make(chan struct{})
	if err := d.post(d.ctx, received{c: c, m: m, taken: taken}); err != nil {
		return err
	}
	select {
	case <-taken:
		return nil
	case <-c.net.Done():
		return c.net.Err()
	case <-d.ctx.Done():
		return ErrClosed
	}
}
