package swarm

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/book"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/picker"
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
		l.book.Arrived(e.addr, book.Owner{}, l.now)
		l.book.Joined(e.addr)
	}
	twin := l.twin(e)
	if !l.welcome(e, twin) {
		l.book.Ended(e.addr, book.Unwelcome, l.now)
		if e.dialed && twin != nil && !twin.listen.IsValid() { // now we know where it listens
			twin.listen = e.addr
			l.book.Joined(e.addr)
		}
		e.conn.Close()
		l.t.client.dialler.limits.left()
		return
	}
	l.lastID++
	r := &remote{
		id: l.lastID, hs: e.hs, addr: e.addr, dialed: e.dialed,
		pp:    &picker.Peer{ID: l.lastID, Choked: true, Fast: map[int]bool{}, Key: shareKey(e.hs.PeerID)},
		since: l.now, busy: l.now,
		down: newDown(l.now), noise: newNoise(), pex: exchange{feed: pex.NewFeed(l.now)},
	}
	if twin != nil {
		r.listen = twin.listen
		l.closeRemote(twin, "connected twice")
	}
	if e.dialed {
		r.listen = e.addr
	}
	if v2, ok := l.t.v2Hash(); ok {
		r.v2 = agreesV2(e.ours, e.hs, v2)
	}
	pieces := 0
	if l.content != nil {
		pieces = l.picker.Pieces.Count()
	}
	r.conn = peer.Start(peer.Config{
		Guard: l.t.client.guard,
		Net:   e.conn, Pool: &l.t.client.bandwidth.pool, Source: source{l.t}, Fast: e.hs.Fast(), Pieces: pieces,
		Handler: &handler{t: l.t, remote: r}, Up: l.t.client.bandwidth.up, Down: l.t.client.bandwidth.down,
	})
	l.t.wg.Add(1) // until handler.Closed
	l.remotes[r.id] = r
	r.up = &upload.Peer{
		ID: r.id, Owner: r.id, Addr: r.addr.Addr(), Fast: r.hs.Fast(), Heeds: ourKind(r.hs.PeerID),
		Since: l.now, Queue: r.conn, Pieces: r.pp,
	}
	l.uploads.Join(r.up)
	l.awake = l.now
	if r.hs.Extended() {
		l.sendExtendedHandshake(r)
	}
	if l.content != nil {
		l.introduce(r)
	}
	l.log.Debug("peer joined", "infohash", l.t.hashes[0], "peer", r.addr, "dialed", r.dialed)
}

// twin is the connection that is there already with the same peer.
func (l *loop) twin(e joinEvent) *remote {
	for _, r := range l.remotes {
		if r.hs.PeerID == e.hs.PeerID {
			return r
		}
	}
	return nil
}

// outdoes reports whether a connection takes the place of its twin. Where both
// sides have dialled at once it is the one that the smaller peer ID dialled:
// so both come to the same result. Else the one that is there stays.
func (l *loop) outdoes(e joinEvent, twin *remote) bool {
	if e.dialed == twin.dialed || l.now.Sub(twin.since) > twinTime {
		return false
	}
	ours := l.t.client.peerID
	return e.dialed == (bytes.Compare(ours[:], e.hs.PeerID[:]) < 0)
}

// welcome decides whether a connection may stay.
func (l *loop) welcome(e joinEvent, twin *remote) bool {
	if l.ended != nil || l.book.Bans.Banned(e.addr, l.now) {
		return false
	}
	if twin != nil {
		return l.outdoes(e, twin)
	}
	same := 0
	for _, r := range l.remotes {
		if r.addr.Addr() == e.addr.Addr() {
			same++
		}
	}
	return same < maxSameAddr && (len(l.remotes) < maxTorrentPeers && !l.t.client.dialler.limits.over() || l.makeRoom(e.addr))
}

// makeRoom closes a peer in favour of a newcomer, if there is one to close.
func (l *loop) makeRoom(newcomer netip.AddrPort) bool {
	r := l.idlest()
	if r == nil {
		if r = l.lowest(newcomer); r == nil {
			return false
		}
	}
	l.idled(r)
	l.closeRemote(r, "room for others")
	return true
}

// idlest is the peer that has been of no use for longest, which neither sent us
// a block nor asked us for one since.
func (l *loop) idlest() (idlest *remote) {
	for _, r := range l.remotes {
		if l.now.Sub(r.used()) > useless && (idlest == nil || r.used().Before(idlest.used())) {
			idlest = r
		}
	}
	return idlest
}

// lowest is the peer that canonical priority ranks lowest, below a newcomer
// (BEP 40), of those that only take: so all keep the same few connections, and
// a full swarm stays one.
func (l *loop) lowest(newcomer netip.AddrPort) (lowest *remote) {
	rank := l.book.Ours.Rank(newcomer)
	for _, r := range l.remotes {
		if l.now.Sub(r.since) <= useless || l.now.Sub(r.down.lastGot) <= useless {
			continue
		}
		if of := l.book.Ours.Rank(r.place()); of < rank {
			lowest, rank = r, of
		}
	}
	return lowest
}

// place is where the peer listens, or the other end of the connection while
// that is not known.
func (r *remote) place() netip.AddrPort {
	if r.listen.IsValid() {
		return r.listen
	}
	return r.addr
}

// used is when a block was last asked for on the connection or came.
func (r *remote) used() time.Time {
	t := r.since
	for _, at := range []time.Time{r.down.lastGot, r.up.LastRequest} {
		if at.After(t) {
			t = at
		}
	}
	return t
}

// introduce tells a peer what we have and takes in what it said before there
// was metadata.
func (l *loop) introduce(r *remote) {
	n := l.picker.Pieces.Count()
	r.conn.SetPieces(n)
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
	l.say(l.uploads.Welcome(r.up, l.t.hashes[0], !r.dialed, l.moment()))
	r.pp.Has = bitset.New(uint(n))
	l.picker.Join(r.pp)
	if r.v2 {
		l.hash.layers.Join(r.id, r)
		l.hash.leaves.Join(r.id, r)
	}
	e := r.early
	r.early = early{}
	switch {
	case e.all:
		l.hasAll(r)
	case e.bits != nil:
		if err := l.hasBits(r, e.bits); err != nil {
			r.conn.Close(err)
		}
	}
	for _, piece := range e.have {
		if err := l.has(r, piece); err != nil {
			r.conn.Close(err)
		}
	}
	if r.v2 && l.reads.Wants.Count() > 0 {
		l.refocus() // from now on blocks may be verified one by one
	}
	l.interestIn(r)
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
