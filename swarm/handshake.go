package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// errSelf is a connection to ourselves.
var errSelf = errors.New("that is ourselves")

// connect dials a peer of a torrent and shakes hands (BEP 3).
func (c *Client) connect(ctx context.Context, a netip.AddrPort, t *Torrent) (joinEvent, error) {
	c.limits.joined()
	e, err := c.shake(ctx, a, t)
	if err != nil {
		c.limits.left()
	}
	return e, err
}

func (c *Client) shake(ctx context.Context, a netip.AddrPort, t *Torrent) (joinEvent, error) {
	conn, err := c.Dial(ctx, a)
	if err != nil {
		return joinEvent{}, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	e := joinEvent{conn: conn, addr: a, dialed: true, ours: c.ours(t, t.hashes[0])}
	e.hs, err = c.offer(conn, t, e.ours)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
	}
	return e, err
}

// offer sends our handshake and checks theirs.
func (c *Client) offer(conn net.Conn, t *Torrent, ours wire.Handshake) (hs wire.Handshake, err error) {
	conn.SetDeadline(time.Now().Add(handshakeTimeout))
	if _, err = conn.Write(wire.AppendHandshake(nil, ours)); err != nil {
		return hs, err
	}
	hs, err = readHandshake(conn)
	switch {
	case err != nil:
	case !t.known(hs.InfoHash):
		err = errors.New("another infohash in the reply")
	case hs.PeerID == c.peerID:
		err = errSelf
	}
	return hs, err
}

// known reports whether an infohash is the torrent's. Who was dialled with one
// of a hybrid may answer with the other (BEP 52).
func (t *Torrent) known(h metainfo.Hash) bool {
	in := t.infoOrNil()
	return slices.Contains(t.hashes, h) || in != nil && slices.Contains(in.InfoHashes(), h)
}

// agreesV2 reports whether hash requests may be sent on a connection: both
// sides used the v2 infohash or set the bit (BEP 52).
func agreesV2(ours, theirs wire.Handshake, v2 metainfo.Hash) bool {
	return ours.InfoHash == v2 || theirs.InfoHash == v2 || ours.V2() && theirs.V2()
}

// v2Hash is the torrent's v2 infohash, if it is known to have one.
func (t *Torrent) v2Hash() (metainfo.Hash, bool) {
	if in := t.infoOrNil(); in != nil {
		return in.HashV2.Short(), in.V2
	}
	return t.spec.Magnet.V2.Short(), t.spec.Magnet.HasV2
}

// infoOrNil is the info dictionary if it is known.
func (t *Torrent) infoOrNil() *metainfo.Info {
	if t.spec.MetaInfo != nil {
		return t.spec.MetaInfo.Info
	}
	if c := t.content.Load(); c != nil {
		return c.info()
	}
	return nil
}

// ours is the handshake we send for a torrent. BEP 52 is not offered for one
// that has yet to turn out a hybrid: libtorrent 2.0.8 ends the connection if it
// turns out none.
func (c *Client) ours(t *Torrent, h metainfo.Hash) wire.Handshake {
	hs := wire.Handshake{InfoHash: h, PeerID: c.peerID}
	hs.SetExtended()
	hs.SetFast()
	if _, ok := t.v2Hash(); ok {
		hs.SetV2()
	}
	return hs
}

// readHandshake reads a handshake; the caller has set the deadline. A first
// byte that is not BitTorrent's ends it at once.
func readHandshake(conn net.Conn) (wire.Handshake, error) {
	var buf [wire.HandshakeLen]byte
	for n := 0; n < len(buf); {
		k, err := conn.Read(buf[n:])
		n += k
		if n > 0 && !wire.IsHandshake(buf[:n]) {
			return wire.Handshake{}, wire.ErrNotBitTorrent
		}
		if err != nil && n < len(buf) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return wire.Handshake{}, fmt.Errorf("handshake: %w", err)
		}
	}
	return wire.ParseHandshake(buf[:])
}

// accept takes incoming connections until the listener is closed.
func (c *Client) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			if c.ctx.Err() != nil {
				return
			}
			c.log.Warn("accept", "err", err) // out of descriptors, mostly
			select {
			case <-time.After(100 * time.Millisecond):
			case <-c.ctx.Done():
				return
			}
			continue
		}
		place := c.half.Enter(remoteAddr(conn).Addr(), func() { conn.Close() })
		c.wg.Go(func() {
			defer place.Leave()
			var err error
			if panicked := c.guard.Do(func() { err = c.greet(conn, place) }); panicked != nil {
				err = panicked
			}
			if err != nil {
				conn.Close()
				c.log.Debug("incoming peer refused", "peer", conn.RemoteAddr(), "err", err)
			}
		})
	}
}

// remoteAddr is the other end of a connection.
func remoteAddr(conn net.Conn) netip.AddrPort {
	addr := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// errCrowded is a connection that made room for others before it said anything.
var errCrowded = errors.New("too many connections without a handshake")

// greet shakes hands with an incoming peer and hands it to its torrent. Its place
// among those who have not yet said who they are is given back when it has.
func (c *Client) greet(conn net.Conn, place *netgroup.Place) error {
	stop := context.AfterFunc(c.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn.SetDeadline(time.Now().Add(handshakeTimeout))
	hs, err := readHandshake(conn)
	if err != nil {
		return err
	}
	if c.cfg.Accept != nil {
		if take := c.cfg.Accept(hs.InfoHash); take != nil {
			defer context.AfterFunc(c.ctx, func() { conn.Close() })()
			conn.SetDeadline(time.Time{})
			take(conn, hs)
			return nil
		}
	}
	t, err := c.lookup(hs.InfoHash, place)
	if err != nil {
		return err
	}
	ours := c.ours(t, hs.InfoHash)
	if _, err := conn.Write(wire.AppendHandshake(nil, ours)); err != nil {
		return err
	}
	if hs.PeerID == c.peerID {
		return errSelf // the other end of it has just learned so too
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if !place.Leave() {
		return errCrowded
	}
	c.limits.joined()
	if !t.post(joinEvent{conn: conn, ours: ours, hs: hs, addr: remoteAddr(conn)}) {
		c.limits.left()
		return ErrClosed
	}
	return nil
}

// lookup finds the torrent of an infohash, or has it made: for a few at once, which
// may take the caller some time, and for nobody who was closed meanwhile.
func (c *Client) lookup(h metainfo.Hash, place *netgroup.Place) (*Torrent, error) {
	if t := c.Torrent(h); t != nil {
		return t, nil
	}
	if c.cfg.Lookup != nil {
		select {
		case c.woken.lookups <- struct{}{}:
			defer func() { <-c.woken.lookups }()
		case <-c.ctx.Done():
			return nil, ErrClosed
		}
		if t := c.Torrent(h); t != nil { // made meanwhile
			return t, nil
		}
		if !place.Held() {
			return nil, errCrowded
		}
		if spec, ok := c.cfg.Lookup(h); ok {
			return c.wake(spec)
		}
	}
	return nil, fmt.Errorf("unknown infohash %v", h)
}
