package swarm

import (
	"encoding/binary"
	"net"
	"net/netip"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/book"
	"p2pfs/swarm/haves"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/places"
	"p2pfs/swarm/upload"
	"p2pfs/swarm/wire"
)

// joinEvent is a connection whose handshake is done.
type joinEvent struct {
	conn   net.Conn
	ours   wire.Handshake
	hs     wire.Handshake // theirs
	addr   netip.AddrPort
	dialed bool
}

func (e joinEvent) apply(l *loop) {
	if e.dialed {
		l.find.book.Arrived(e.addr, book.Owner{}, l.now)
		l.find.book.Joined(e.addr)
	}
	out, ok := l.crowd.welcome(e, l.t.client.dialler.limits.over(), l.now)
	var twin *remote // the connection that is there already with the same peer
	if out != nil && out.hs.PeerID == e.hs.PeerID {
		twin = out
	}
	if !ok {
		e.refuse(l, twin)
		return
	}
	l.crowd.lastID++
	pp := &picker.Peer{ID: l.crowd.lastID, Choked: true, Fast: map[int]bool{}, Key: shareKey(e.hs.PeerID)}
	r := &remote{
		id: l.crowd.lastID, hs: e.hs, addr: e.addr, dialed: e.dialed,
		pp: pp, down: assembly.NewRequests(pp, l.now), since: l.now, busy: l.now,
		noise: newNoise(), pex: exchange{feed: pex.NewFeed(l.now)},
	}
	switch {
	case twin != nil:
		r.listen = twin.listen
		l.crowd.close(twin, "connected twice")
	case out != nil:
		l.crowd.idle(out, "room for others")
	}
	if e.dialed {
		r.listen = e.addr
	}
	if v2, ok := l.t.naming.v2(); ok {
		r.v2 = agreesV2(e.ours, e.hs, v2)
	}
	e.start(l, r)
	l.crowd.awake = l.now
	if r.hs.Extended() {
		l.fetch.greet(r)
	}
	if l.content != nil {
		l.introduce(r)
	}
	l.log.Debug("peer joined", "infohash", l.t.naming.hashes[0], "peer", r.addr, "dialed", r.dialed)
}

// start begins to read and write, and makes the peer known to the parts that need
// no pieces.
func (e joinEvent) start(l *loop, r *remote) {
	pieces := 0
	if l.content != nil {
		pieces = l.picker.Pieces.Count()
	}
	conn := peer.Start(peer.Config{
		Guard: l.t.client.guard,
		Net:   e.conn, Pool: &l.t.client.bandwidth.pool, Source: source{l.t}, Fast: e.hs.Fast(), Pieces: pieces,
		Handler: &handler{t: l.t, remote: r}, Up: l.t.client.bandwidth.up, Down: l.t.client.bandwidth.down,
	})
	r.conn, r.in = conn, conn
	l.t.wg.Add(1) // until handler.Closed
	l.crowd.of[r.id] = r
	r.has = &haves.Peer{Fast: r.hs.Fast(), Pieces: r.pp}
	r.up = &upload.Peer{
		ID: r.id, Owner: r.id, Addr: r.addr.Addr(), Fast: r.hs.Fast(), Heeds: ourKind(r.hs.PeerID),
		Since: l.now, Queue: conn, Pieces: r.pp,
	}
	l.serve.uploads.Join(r.up)
}

// refuse ends a connection that may not stay; twin is one with the same peer.
func (e joinEvent) refuse(l *loop, twin *remote) {
	l.find.book.Ended(e.addr, book.Unwelcome, l.now)
	if e.dialed && twin != nil && !twin.listen.IsValid() { // now we know where it listens
		twin.listen = e.addr
		l.find.book.Joined(e.addr)
	}
	e.conn.Close()
	l.t.client.dialler.limits.left()
}

// inPlace is the peer as who gives places sees it: ranked by where it listens, or the
// other end of the connection while that is not known.
func (r *remote) inPlace(ours *book.Ours) places.Peer {
	at := r.addr
	if r.listen.IsValid() {
		at = r.listen
	}
	return places.Peer{
		ID: r.id, PeerID: r.hs.PeerID, Addr: r.addr, Rank: ours.Rank(at), Dialled: r.dialed,
		Since: r.since, Gave: r.down.LastGot, Asked: r.up.LastRequest,
	}
}

// introduce tells a peer what we have and takes in what it said before there
// was metadata.
func (l *loop) introduce(r *remote) {
	n := l.picker.Pieces.Count()
	r.in.SetPieces(n)
	have := l.picker.Pieces.HeldSet()
	fast := r.hs.Fast()
	r.conn.Send(func(dst []byte) []byte {
		switch {
		case fast && l.picker.Pieces.Held() == n:
			return wire.AppendHaveAll(dst)
		case fast && have.None():
			return wire.AppendHaveNone(dst)
		case have.None():
			return dst
		}
		return wire.AppendBitfield(dst, have, n)
	})
	l.serve.say(l.serve.uploads.Welcome(r.up, l.t.naming.hashes[0], !r.dialed, l.moment()))
	if err := l.haves.Join(r.has); err != nil {
		r.conn.Close(err)
	}
	if r.v2 {
		l.hash.layers.Join(r.id, r)
		l.hash.leaves.Join(r.id, r)
	}
	if r.v2 && l.reads.Wants.Count() > 0 {
		l.refocus() // from now on blocks may be verified one by one
	}
	l.fetch.interestIn(r)
}

// ourKind tells our peers from strangers.
func ourKind(peerID [20]byte) bool { return string(peerID[:3]) == wire.PeerIDPrefix[:3] }

// shareKey is by what leechers of our kind share out what only a seed has.
func shareKey(peerID [20]byte) uint64 {
	if !ourKind(peerID) {
		return 0
	}
	return max(1, binary.BigEndian.Uint64(peerID[12:]))
}
