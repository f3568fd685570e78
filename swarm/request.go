package swarm

import (
	"slices"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// maxUnverified bounds the bytes asked for and come that no hash has been checked
// of, over all torrents.
const maxUnverified = 64 << 20

// count has what a peer owes us counted among what all torrents asked for.
func (r *remote) count(b *bandwidth) {
	b.asked.Add(int64(r.down.Change()) * hashing.BlockSize)
}

// dropped has blocks asked of others that a peer will not send.
func (l *loop) dropped(r *remote, blocks []picker.Block) {
	for _, b := range blocks {
		l.picker.Pieces.Dropped(b, r.id)
	}
	r.count(&l.t.client.bandwidth)
	r.in.Expect(r.down.Len())
}

// tickDown gives up on blocks that do not come.
func (l *loop) tickDown(r *remote) {
	late := r.down.Tick(l.now, r.in.Held())
	if late.Err != nil {
		r.conn.Close(late.Err)
	}
	if len(late.Dropped)+len(late.Snubbed) > 0 {
		l.dropped(r, append(late.Dropped, late.Snubbed...))
	}
}

// fill asks the peer for as many blocks as it should owe us.
func (l *loop) fill(r *remote) {
	if l.content == nil || !l.hungry() || !r.has.Interested() || r.down.Paused(l.now) {
		return
	}
	if r.pp.Choked && len(r.pp.Fast) == 0 {
		return
	}
	// What readers want would wait behind what is asked for now.
	urgent := l.reads.Active() || l.t.client.bandwidth.down != nil
	room := r.down.Room(r.reqq(), len(l.crowd.of) == 1, urgent)
	if room == 0 {
		return
	}
	if left := l.t.client.bandwidth.mayAsk(); room > left {
		if room = left; room <= 0 && r.down.Len() > 0 {
			return
		}
		room = max(room, 1)
	}
	for _, o := range l.crowd.of {
		o.pp.Late, o.pp.Held = o.down.Late(l.now), o.in.Held()
		if o.pp.Held {
			o.pp.Late = 0
		}
	}
	l.ask(r, l.picker.Pick(l.now, r.pp, room, nil))
}

func (r *remote) reqq() int {
	if r.ext.Reqq > 0 {
		return r.ext.Reqq
	}
	return 250
}

func (l *loop) ask(r *remote, blocks []picker.Block) {
	if len(blocks) == 0 {
		return
	}
	r.down.Ask(blocks, l.now)
	r.count(&l.t.client.bandwidth)
	r.in.Expect(r.down.Len())
	r.busy = l.now
	info := l.info()
	r.conn.Send(func(dst []byte) []byte {
		for _, b := range blocks {
			dst = wire.AppendRequest(dst, wire.Block{
				Index: b.Piece, Begin: b.N * hashing.BlockSize, Length: info.Pieces.BlockLen(b.Piece, b.N),
			})
			// Right behind the first request for a block of the piece:
			// some seeders have the leaves at hand only then.
			if q, ok := l.hash.leaves.With(r.id, b, l.now); ok {
				dst = wire.AppendHashRequest(dst, q)
			}
		}
		return dst
	})
	if !l.hash.leaves.Gives(r.id) { // somebody else may know the leaves
		for i, b := range blocks {
			if i == 0 || b.Piece != blocks[i-1].Piece {
				l.do(l.hash.leaves.Ask(b, l.now))
			}
		}
	}
}

// cancel takes a request back that another peer has answered. The block may
// be on its way: it is then a duplicate, not one that was never asked for.
func (l *loop) cancel(r *remote, b picker.Block) {
	if !r.down.Asked(b) {
		return
	}
	n := l.info().Pieces.BlockLen(b.Piece, b.N)
	r.conn.Send(func(dst []byte) []byte {
		return wire.AppendCancel(dst, wire.Block{Index: b.Piece, Begin: b.N * hashing.BlockSize, Length: n})
	})
	if !r.hs.Fast() { // no answer comes; with BEP 6 it is the block or a reject
		r.down.Excuse(n)
		l.dropped(r, r.down.Drop(b, l.now))
	}
}

// scheduleAll asks all peers for more, the quickest first.
func (l *loop) scheduleAll() {
	if l.content == nil || !l.hungry() || len(l.crowd.of) == 0 {
		return
	}
	all := make([]*remote, 0, len(l.crowd.of))
	for _, r := range l.crowd.of {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *remote) int {
		switch {
		case a.pp.Rate > b.pp.Rate:
			return -1
		case a.pp.Rate < b.pp.Rate:
			return 1
		}
		return a.id - b.id
	})
	for _, r := range all {
		l.interestIn(r)
		l.fill(r)
	}
}
