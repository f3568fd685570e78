package swarm

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/book"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/haves"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/upload"
	"p2pfs/swarm/wire"
)

// Our ids for extended messages (BEP 10), told in our extended handshake.
const (
	extMetadata   = 1
	extDontHave   = 2
	extUploadOnly = 3
	extPEX        = 4
)

const (
	// idleClose closes a connection on which nobody wanted anything.
	idleClose = 10 * time.Second
	// slowInterest is how long a peer may take to be interested for the first
	// time in what we have and it lacks: Transmission looks only now and then.
	slowInterest = 30 * time.Second
)

// link is a connection with a peer, or a channel of one, as all parts see it. None
// of its methods blocks.
type link interface {
	// Send appends messages to what is to be written.
	Send(add func(dst []byte) []byte)
	// Close ends it; the handler is told the first error given.
	Close(err error)
	// Received and Sent are the payload bytes so far.
	Received() int64
	Sent() int64
}

// inflow is what is told and asked of the receiving side of a link.
type inflow interface {
	// SetPieces tells the number of pieces once it is known.
	SetPieces(n int)
	// Expect tells how many blocks are asked for and have not come.
	Expect(n int)
	// Held reports whether it is we who do not read just now.
	Held() bool
}

// recycler takes back batches of messages that were looked at.
type recycler interface{ Recycle(batch []peer.Message) }

// remote is a peer as the loop sees it. Owned by the loop.
type remote struct {
	id     int
	conn   link
	in     inflow
	hs     wire.Handshake // theirs
	addr   netip.AddrPort // of the connection
	listen netip.AddrPort // where it can be dialled, if known
	dialed bool
	v2     bool // hash requests may be sent
	ext    wire.ExtendedHandshake

	pp    *picker.Peer
	has   *haves.Peer
	pex   exchange
	noise *rate.Limiter
	again bool // to be dialled at once when it has ended
	down  *assembly.Requests
	up    *upload.Peer

	toldUploadOnly bool      // it takes us for one that wants nothing
	since          time.Time // connected
	busy           time.Time // when either side last wanted anything
}

// exchange is what one peer was told of others, and may still tell (BEP 11).
type exchange struct {
	feed   pex.Feed
	budget pex.Budget
}

// asPEX is a peer as others are told of it.
func (r *remote) asPEX() pex.Peer {
	p := pex.Peer{Addr: r.listen}
	if r.pp.All || r.up.UploadOnly {
		p.Flags |= pex.Seed
	}
	if r.dialed {
		p.Flags |= pex.Reachable
	}
	return p
}

// handler carries a connection's events into the loop.
type handler struct {
	t      *Torrent
	remote *remote
}

// Messages blocks while the loop is busy, which slows the peer down.
func (h *handler) Messages(c *peer.Conn, batch []peer.Message) {
	if !h.t.post(batchEvent{h.remote, batch, c}) {
		for _, m := range batch {
			if m.Data != nil {
				m.Data.Release()
			}
		}
	}
}

// Closed is the connection's last word.
func (h *handler) Closed(_ *peer.Conn, err error) {
	h.t.client.dialler.limits.left()
	h.t.post(closedEvent{h.remote, err})
	h.t.wg.Done()
}

// batchEvent is some messages of one peer.
type batchEvent struct {
	r     *remote
	batch []peer.Message
	from  recycler
}

func (e batchEvent) apply(l *loop) {
	gone := l.crowd.of[e.r.id] == nil
	for _, m := range e.batch {
		if gone {
			if m.Data != nil {
				m.Data.Release()
			}
			continue
		}
		if err := l.message(e.r, m); err != nil {
			e.r.conn.Close(err)
			gone = true
		}
	}
	e.from.Recycle(e.batch)
	if !gone {
		l.fetch.fill(e.r, l.now)
	}
}

// closedEvent is the end of a connection.
type closedEvent struct {
	r   *remote
	err error
}

func (e closedEvent) apply(l *loop) {
	r := e.r
	if l.crowd.of[r.id] == nil {
		return
	}
	delete(l.crowd.of, r.id)
	l.serve.uploads.Leave(r.up)
	l.log.Debug("peer left", "infohash", l.t.naming.hashes[0], "peer", r.addr, "err", e.err)
	l.t.client.bandwidth.asked.Add(-int64(r.down.Len()) * hashing.BlockSize)
	l.meta.left(r, l.now)
	if l.content != nil {
		l.picker.Leave(r.id)
		l.hash.answers.Leave(r.id)
		l.do(append(l.hash.layers.Leave(r.id, l.now), l.hash.leaves.Leave(r.id, l.now)...))
	}
	l.counts.received += r.conn.Received()
	l.counts.sent += r.conn.Sent()
	if !errors.Is(e.err, peer.ErrClosed) { // it is not known to be well
		l.crowd.recent.Remove(r.listen)
	}
	switch {
	case r.again:
		l.find.book.Ended(r.listen, book.Anew, l.now)
	case r.listen.IsValid() && l.crowd.at(r.listen) == nil:
		l.find.book.Sated(r.listen, r.pp.All || r.up.UploadOnly)
		end := book.Useless
		if r.down.Blocks > 0 || r.conn.Sent() > 0 {
			end = book.Useful
		}
		l.find.book.Ended(r.listen, end, l.now)
	}
	l.fetch.all(l.now)
	l.find.dial(l.need())
}

// tickRemote does what time brings about for one peer.
func (l *loop) tickRemote(r *remote) {
	l.fetch.tick(r, l.now)
	r.up.Down, r.up.Snubbed = r.down.Rate, r.down.Snubbed
	r.up.Measure(r.conn.Sent(), l.now)
	if l.fetch.hungry() && (r.has.Interested() || l.t.spec.Everything) || r.up.Interested || l.meta.exchange.Fetching(r.id) {
		r.busy = l.now
	}
	if l.now.Sub(r.busy) > r.patience(l.content != nil && l.picker.Pieces.Held() > 0) {
		l.crowd.idle(r, "nobody wants anything")
	}
}

// patience is how long a connection is kept on which nobody wants anything;
// holding tells that we have pieces.
func (r *remote) patience(holding bool) time.Duration {
	if holding && !r.up.WasInterested && !r.up.UploadOnly && !r.pp.All {
		return slowInterest
	}
	return idleClose
}

// source serves blocks to a connection's writer from the storage. What a
// hybrid's padding adds behind a file's end is zeros.
type source struct{ t *Torrent }

// ReadBlock fills dst with the block b.
func (s source) ReadBlock(dst []byte, b wire.Block) error {
	c := s.t.content.Load()
	if c == nil {
		return ErrMissing
	}
	n := min(len(dst), max(0, c.info().Pieces.Size(b.Index)-b.Begin))
	clear(dst[n:])
	if n == 0 {
		return nil
	}
	_, err := c.storage.ReadAt(dst[:n], b.Index, int64(b.Begin))
	if err != nil { // promised and not there: nobody else is to ask for it
		s.t.post(lostEvent{b.Index})
	}
	return err
}
