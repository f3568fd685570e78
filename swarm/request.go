package swarm

import (
	"errors"
	"slices"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

const (
	// loneDepth is how many blocks are asked of a peer nothing is known of if
	// it is the only one, and nobody else could send them sooner.
	loneDepth = 64
	// ahead of what bandwidth and delay ask for, so much time's worth of
	// blocks is asked, to ride out the peer's disk and our scheduling: more
	// of it while nobody reads, who would wait behind it.
	spareTime = 25 * time.Millisecond
	bulkTime  = 250 * time.Millisecond
	// maxSpare bounds that in bytes: on a fast link a long queue only costs the
	// peer time to look through.
	maxSpare = 4 << 20
	// snubAfter is how long a peer that owes us blocks may send none.
	snubAfter = 10 * time.Second
	// closeAfter is how long until it is closed, to be dialled anew.
	closeAfter = time.Minute
	// maxUnverified bounds the bytes asked for and come that no hash has
	// been checked of, over all torrents.
	maxUnverified = 64 << 20
)

// errSilent ends a connection whose peer owes us blocks and sends none.
var errSilent = errors.New("owes blocks and sends none")

// got takes the measure of a block that came.
func (l *loop) got(r *remote, b picker.Block, asked time.Time) {
	d := &r.down
	delete(d.asked, b)
	l.t.client.bandwidth.asked.Add(-hashing.BlockSize)
	r.pp.Queued = len(d.asked) * hashing.BlockSize
	d.blocks++
	d.bytes += int64(l.info().Pieces.BlockLen(b.Piece, b.N))
	d.lastGot, d.snubbed, d.refusals = l.now, false, 0
	d.grow(l.now)
	if d.twice[b] {
		delete(d.twice, b)
	} else if rtt := l.now.Sub(asked); d.minRTT == 0 || rtt < d.minRTT {
		d.minRTT = max(rtt, 100*time.Microsecond)
		r.pp.RTT = d.minRTT
		if d.blocks == 1 { // it is known to answer, and at least so quickly
			d.rate = float64(hashing.BlockSize) / max(rtt, time.Millisecond).Seconds()
			r.pp.Rate = d.rate
		}
	}
	if len(d.asked) == 0 {
		d.owing.counts(l.now, false)
	}
}

// tickDown measures the rate, and gives up on blocks that do not come.
func (l *loop) tickDown(r *remote) {
	d := &r.down
	if d.lastTick.IsZero() {
		d.lastTick = l.now
	}
	if l.now.Sub(d.lastTick) >= tickEvery/2 {
		d.measure(l.now)
		r.pp.Rate = d.rate
	}
	if len(d.asked) == 0 {
		return
	}
	if r.conn.Held() { // it is we who do not read
		d.lastGot = l.now
	}
	if r.pp.Choked && l.now.Sub(d.chokedAt) > 5*time.Second {
		l.unaskSlow(r)
		if len(d.asked) == 0 {
			return
		}
	}
	switch quiet := l.now.Sub(d.lastGot); {
	case quiet > closeAfter:
		r.conn.Close(errSilent)
	case quiet > snubAfter && !d.snubbed:
		// Others may be asked now. What the peer still sends is welcome.
		d.snubbed, d.rate, d.peak, r.pp.Rate = true, 0, 0, 0
		for b := range d.asked {
			l.picker.Pieces.Dropped(b, r.id)
		}
	}
}

// fill asks the peer for as many blocks as it should owe us.
func (l *loop) fill(r *remote) {
	if l.content == nil || !l.hungry() || !r.amInterested || l.now.Before(r.down.pause) {
		return
	}
	if r.pp.Choked && len(r.pp.Fast) == 0 {
		return
	}
	depth := l.depth(r)
	room := depth - len(r.down.asked)
	if room <= 0 || room < depth/8 {
		return
	}
	if left := l.t.client.bandwidth.mayAsk(); room > left {
		if room = left; room <= 0 && len(r.down.asked) > 0 {
			return
		}
		room = max(room, 1)
	}
	for _, o := range l.remotes {
		o.pp.Late, o.pp.Held = o.down.late(l.now), o.conn.Held()
		if o.pp.Held {
			o.pp.Late = 0
		}
	}
	l.ask(r, l.picker.Pick(l.now, r.pp, room, nil))
}

// depth is how many blocks should be asked of a peer at once.
func (l *loop) depth(r *remote) int {
	spare := bulkTime
	if l.reads.Active() || l.t.client.bandwidth.down != nil { // or it would wait here
		spare = spareTime
	}
	if len(l.remotes) == 1 && r.down.blocks == 0 {
		r.down.window = loneDepth
	}
	return r.down.depth(r.reqq(), spare)
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
	if len(r.down.asked) == 0 {
		r.down.lastGot = l.now
		r.down.owing.begins(l.now, r.down.minRTT)
	}
	for _, b := range blocks {
		r.down.asked[b] = l.now
	}
	l.t.client.bandwidth.asked.Add(int64(len(blocks)) * hashing.BlockSize)
	r.pp.Queued = len(r.down.asked) * hashing.BlockSize
	r.conn.Expect(len(r.down.asked))
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

// unask forgets a block that the peer will not send.
func (l *loop) unask(r *remote, b picker.Block) {
	delete(r.down.asked, b)
	r.conn.Expect(len(r.down.asked))
	l.t.client.bandwidth.asked.Add(-hashing.BlockSize)
	r.pp.Queued = len(r.down.asked) * hashing.BlockSize
	if len(r.down.asked) == 0 {
		r.down.owing.counts(l.now, false)
	}
	l.picker.Pieces.Dropped(b, r.id)
}

// unaskAll forgets what was asked of a peer that choked us. It may have
// answered all the same.
func (l *loop) unaskAll(r *remote) {
	if len(r.down.twice) > maxDepth {
		clear(r.down.twice)
	}
	for b := range r.down.asked {
		l.unask(r, b)
		r.down.twice[b] = true
	}
	r.down.asked = map[picker.Block]time.Time{}
}

// unaskSlow forgets what a peer that chokes us should have rejected: all but
// what it lets us ask for all the same (BEP 6).
func (l *loop) unaskSlow(r *remote) {
	for b := range r.down.asked {
		if !r.pp.Fast[b.Piece] {
			l.unask(r, b)
		}
	}
}

// cancel takes a request back that another peer has answered. The block may
// be on its way: it is then a duplicate, not one that was never asked for.
func (l *loop) cancel(r *remote, b picker.Block) {
	if _, ok := r.down.asked[b]; !ok {
		return
	}
	n := l.info().Pieces.BlockLen(b.Piece, b.N)
	r.conn.Send(func(dst []byte) []byte {
		return wire.AppendCancel(dst, wire.Block{Index: b.Piece, Begin: b.N * hashing.BlockSize, Length: n})
	})
	if !r.hs.Fast() { // no answer comes; with BEP 6 it is the block or a reject
		r.down.unasked -= n
		l.unask(r, b)
	}
}

// scheduleAll asks all peers for more, the quickest first.
func (l *loop) scheduleAll() {
	if l.content == nil || !l.hungry() || len(l.remotes) == 0 {
		return
	}
	all := make([]*remote, 0, len(l.remotes))
	for _, r := range l.remotes {
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
