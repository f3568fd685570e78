package swarm

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"p2pfs/swarm/door"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"

	"golang.org/x/time/rate"
)

// errSelf is a connection to ourselves.
var errSelf = errors.New("that is ourselves")

// dialler makes connections to the peers of torrents, and holds the bounds on all
// that are made. Safe for concurrent use.
type dialler struct {
	carrier Carrier
	limits  *limits
	onWord  netgroup.Dials // of torrents and drives, on the word of others
	peerID  [20]byte
}

// connect dials a peer of a torrent, shakes hands (BEP 3), and hands the torrent the
// connection, or what kept it from being made. It blocks for that long.
func (d *dialler) connect(ctx context.Context, a netip.AddrPort, t *Torrent) {
	d.limits.joined()
	e, err := d.shake(ctx, a, t)
	switch {
	case err != nil:
		d.limits.left()
		t.post(dialFailedEvent{a, err})
	case !t.post(e):
		e.discard(t)
	}
}

func (d *dialler) shake(ctx context.Context, a netip.AddrPort, t *Torrent) (joinEvent, error) {
	conn, err := d.carrier.Dial(ctx, a)
	if err != nil {
		return joinEvent{}, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	e := joinEvent{conn: conn, addr: a, dialed: true, ours: d.ours(t, t.naming.hashes[0])}
	e.hs, err = d.offer(conn, t, e.ours)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
	}
	return e, err
}

// offer sends our handshake and checks theirs.
func (d *dialler) offer(conn net.Conn, t *Torrent, ours wire.Handshake) (hs wire.Handshake, err error) {
	conn.SetDeadline(time.Now().Add(door.HandshakeTimeout))
	if _, err = conn.Write(wire.AppendHandshake(nil, ours)); err != nil {
		return hs, err
	}
	hs, err = door.ReadHandshake(conn)
	switch {
	case err != nil:
	case !t.naming.has(hs.InfoHash):
		err = errors.New("another infohash in the reply")
	case hs.PeerID == d.peerID:
		err = errSelf
	}
	return hs, err
}

// ours is the handshake we send for a torrent. BEP 52 is not offered for one
// that has yet to turn out a hybrid: libtorrent 2.0.8 ends the connection if it
// turns out none.
func (d *dialler) ours(t *Torrent, h metainfo.Hash) wire.Handshake {
	hs := wire.Handshake{InfoHash: h, PeerID: d.peerID}
	hs.SetExtended()
	hs.SetFast()
	if _, ok := t.naming.v2(); ok {
		hs.SetV2()
	}
	return hs
}

// agreesV2 reports whether hash requests may be sent on a connection: both
// sides used the v2 infohash or set the bit (BEP 52).
func agreesV2(ours, theirs wire.Handshake, v2 metainfo.Hash) bool {
	return ours.InfoHash == v2 || theirs.InfoHash == v2 || ours.V2() && theirs.V2()
}

const (
	// dialsPerSecond bounds the dials of all torrents and drives.
	dialsPerSecond = 100
	// defaultPeers bounds the connections of all torrents.
	defaultPeers = 400
)

// limits counts the connections of all torrents, and bounds how fast new ones are
// made. Safe for concurrent use, because every torrent's loop asks it.
type limits struct {
	max   int64
	open  atomic.Int64
	dials *rate.Limiter
}

func newLimits(max int) *limits {
	if max <= 0 {
		max = defaultPeers
	}
	return &limits{max: int64(max), dials: rate.NewLimiter(dialsPerSecond, dialsPerSecond)}
}

// mayDial takes a token for one dial of a torrent, if there is room for more
// connections.
func (l *limits) mayDial(now time.Time) bool { return l.open.Load() < l.max && l.mayMeet(now) }

// mayMeet is mayDial for a member of a drive: their number is bounded by the drive.
func (l *limits) mayMeet(now time.Time) bool { return l.dials.AllowN(now, 1) }

// joined counts a connection.
func (l *limits) joined() { l.open.Add(1) }

// over reports whether there are more connections than there should be: one
// has to make room.
func (l *limits) over() bool { return l.open.Load() > l.max }

// left takes a connection off the count.
func (l *limits) left() { l.open.Add(-1) }
