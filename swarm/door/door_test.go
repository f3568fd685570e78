package door

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// pipes accepts the far ends of pipes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

// come makes a connection, and says something on it.
func (p pipes) come(say []byte) net.Conn {
	near, far := net.Pipe()
	p <- far
	if _, err := near.Write(say); err != nil {
		near.Close()
	}
	return near
}

// closed reports whether the other side has closed a connection, after how long.
func closed(c net.Conn) (time.Duration, bool) {
	start := time.Now()
	c.SetReadDeadline(start.Add(time.Minute))
	_, err := c.Read(make([]byte, 1))
	return time.Since(start), errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
}

// TestDoor: a handshake is read and handed on with the connection; who says something
// else, says nothing, or makes what takes it panic, is closed, and so is he who is
// refused.
func TestDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := make(pipes)
		taken := make(chan wire.Handshake, 1)
		d := &Door{
			Acceptor: in, Guard: guard.New(nil), Log: slog.New(slog.DiscardHandler),
			Take: func(_ context.Context, c net.Conn, hs wire.Handshake, place *netgroup.Place) error {
				switch hs.InfoHash[0] {
				case 1:
					taken <- hs
					place.Leave()
					_, err := c.Write([]byte("x"))
					return err
				case 2:
					panic(guard.Planted("planted in a test"))
				}
				return errors.New("nobody knows it")
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			d.Run(ctx)
		}()
		shake := func(n byte) []byte { return wire.AppendHandshake(nil, wire.Handshake{InfoHash: [20]byte{n}}) }
		c := in.come(shake(1))
		if hs := <-taken; hs.InfoHash != [20]byte{1} {
			t.Errorf("took %x", hs.InfoHash)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		c.Close()
		for name, say := range map[string][]byte{"no BitTorrent": []byte("G"), "panics": shake(2), "refused": shake(3), "cut off": shake(1)[:20]} {
			c := in.come(say)
			d, ok := closed(c)
			if !ok || d > HandshakeTimeout || name != "cut off" && d > 0 {
				t.Errorf("%s: closed %t after %v", name, ok, d)
			}
		}
		synctest.Wait()
		if n := d.HalfOpen(); n != 0 {
			t.Errorf("%d places are not given back", n)
		}
		silent := in.come(nil)
		cancel()
		close(in)
		if d, ok := closed(silent); !ok || d > 0 {
			t.Errorf("at the end: closed %t after %v", ok, d)
		}
		<-over
	})
}
