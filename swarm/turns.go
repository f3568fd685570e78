package swarm

import (
	"math"
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// inFlight is how much of a limited upload is given to the connections'
// writers: more than comes between two looks at it, and no more, since its
// order is settled.
const inFlight = 150 * time.Millisecond

// longestTurn and allTurns are for how long a limited upload may be one peer's,
// and until it is every peer's turn again: in time for each to see that we are
// there.
const (
	longestTurn = 2 * time.Second
	allTurns    = 8 * time.Second
)

// turns holds back what is to be sent while there is an upload limit, so that
// whole pieces go out one after another. Owned by the loop.
type turns struct {
	order   choker.Turns
	sending map[int]*remote // whose writers may have something left
}

func inTurn(b wire.Block) choker.Block {
	return choker.Block{Piece: b.Index, Begin: b.Begin, Length: b.Length}
}

func onWire(b choker.Block) wire.Block {
	return wire.Block{Index: b.Piece, Begin: b.Begin, Length: b.Length}
}

// upload has a block sent: at once, or in its turn where there is a limit.
func (l *loop) upload(r *remote, b wire.Block) bool {
	if l.t.client.bandwidth.up == nil {
		return r.conn.Upload(b)
	}
	l.uploads.turns.order.Add(l.now, r.id, inTurn(b))
	l.sendOn()
	return true
}

// sendOn gives the writers as much as they will send until the next look.
func (l *loop) sendOn() {
	limit := l.t.client.bandwidth.up
	if limit == nil || l.content == nil {
		return
	}
	s := &l.uploads.turns
	rate := int(limit.Limit())
	s.order.Longest = max(int(float64(rate)*longestTurn.Seconds()), 4*hashing.BlockSize)
	room := max(int(float64(rate)*inFlight.Seconds()), 2*hashing.BlockSize)
	window := room
	for id, r := range s.sending {
		n := r.conn.Uploading()
		if room -= n * hashing.BlockSize; n == 0 {
			delete(s.sending, id)
		}
	}
	for room > 0 {
		if id, ok := s.order.Current(); ok && s.sending[id] != nil && s.sending[id].conn.Uploading()*hashing.BlockSize > window/2 {
			return // it asks for more before that is sent
		}
		id, b, ok := s.order.Next(l.now, l.spread, nil)
		if !ok {
			return
		}
		r := l.remotes[id]
		if r == nil || !r.conn.Upload(onWire(b)) {
			continue
		}
		if s.sending == nil {
			s.sending = map[int]*remote{}
		}
		s.sending[id] = r
		room -= b.Length
	}
}

// capSlots lets no more peers share the limit than get turns of a whole piece
// in time.
func (l *loop) capSlots() {
	limit := l.t.client.bandwidth.up
	if limit == nil || l.content == nil {
		return
	}
	rate := float64(limit.Limit())
	turn := min(float64(l.info().PieceLength)/rate, longestTurn.Seconds())
	l.uploads.choker.Cap(int(min(allTurns.Seconds()/turn, math.MaxInt32)))
}

// spread reports whether others have the piece, too.
func (l *loop) spread(piece int) bool { return l.picker.Availability(piece) > 0 }

// choked forgets what a peer waits for that is choked, but what is to be kept.
func (s *turns) choked(r *remote, keep func(wire.Block) bool) (dropped []wire.Block) {
	for _, b := range s.order.Drop(r.id, func(b choker.Block) bool { return keep(onWire(b)) }) {
		dropped = append(dropped, onWire(b))
	}
	s.order.Stop(r.id)
	return dropped
}

// left forgets a peer.
func (s *turns) left(r *remote) {
	s.order.Leave(r.id)
	delete(s.sending, r.id)
}

// spare refuses others, once, what they wait for of a piece that a peer now
// has and will give them sooner: so a limited upload is left for what nobody
// else can give (BEP 6).
func (l *loop) spare(from *remote, piece int) {
	s := &l.uploads.turns
	if l.t.client.bandwidth.up == nil || !l.seeding() || !l.picker.Pieces.Have(piece) {
		return
	}
	for _, r := range l.remotes {
		if r == from || !r.hs.Fast() || r.up.refused[piece] || s.order.Len(r.id) == 0 {
			continue
		}
		dropped := s.order.Drop(r.id, func(b choker.Block) bool { return b.Piece != piece })
		if len(dropped) == 0 {
			continue
		}
		if r.up.refused == nil {
			r.up.refused = map[int]bool{}
		}
		r.up.refused[piece] = true
		r.conn.Send(func(dst []byte) []byte {
			for _, b := range dropped {
				dst = wire.AppendReject(dst, onWire(b))
			}
			return dst
		})
	}
}
