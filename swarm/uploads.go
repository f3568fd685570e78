package swarm

import (
	"fmt"
	"math"
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// allowedFast is how many pieces a choked peer may ask for (BEP 6).
const allowedFast = 10

// fastBudget is how many bytes a peer gets while it is choked: a first small
// read, or most of a piece to have something to give. All neighbours are allowed
// the same pieces, so more would be more copies of these at the cost of those
// who have a slot.
const fastBudget = 256 << 10

// up is the sending side of a remote. Owned by the loop.
type up struct {
	choking     bool
	unchoked    time.Time
	sentBefore  int64 // when it was unchoked
	lastSent    int64
	lastTick    time.Time
	rate        float64 // bytes per second, averaged over some 20 s
	lastRequest time.Time
	paid        int64        // bytes sent that its hash requests were paid with
	hashJobs    int          // hash requests being answered
	fast        map[int]bool // pieces it may ask for while choked (BEP 6)
	fastBytes   int          // of blocks that it was promised while choked
	suggested   []int        // pieces suggested and not yet asked for
	piece       int          // last asked for
	refused     map[int]bool // pieces that it was told, once, to get elsewhere
}

func (u *up) tick(sent int64, now time.Time) {
	dt := now.Sub(u.lastTick)
	if u.lastTick.IsZero() || dt < tickEvery/2 {
		u.lastTick = now
		return
	}
	inst := float64(sent-u.lastSent) / dt.Seconds()
	u.lastSent, u.lastTick = sent, now
	u.rate += (inst - u.rate) * math.Min(1, dt.Seconds()/choker.RateWindow.Seconds()*4)
}

// uploads decides whom to send to. Owned by the loop.
type uploads struct {
	choker *choker.Choker
	round  time.Time
	handed picker.Handing
	turns  turns

	complaints complaints
}

func (l *loop) onInterested(r *remote, on bool) error {
	r.peerInterested = on
	r.wasInterested = r.wasInterested || on
	r.busy = l.now
	l.awake = l.now
	if on && r.up.choking {
		l.capSlots()
		for _, id := range l.uploads.choker.Fill(l.now, l.contenders(), l.seeding()) {
			l.choke(l.remotes[id], false)
		}
	}
	return nil
}

// chokeRound is BEP 3's round of every ten seconds.
func (l *loop) chokeRound() {
	if len(l.remotes) == 0 || l.now.Sub(l.uploads.round) < choker.Interval {
		return
	}
	l.uploads.round = l.now
	rate := 0.0
	for _, r := range l.remotes {
		rate += r.up.rate
	}
	l.uploads.choker.Slots(l.now, rate)
	keep := map[int]bool{}
	for _, id := range l.uploads.choker.Round(l.now, l.contenders(), l.seeding()) {
		keep[id] = true
	}
	for id, r := range l.remotes {
		l.choke(r, !keep[id])
	}
}

func (l *loop) seeding() bool { return l.content != nil && !l.hungry() }

func (l *loop) contenders() []choker.Peer {
	out := make([]choker.Peer, 0, len(l.remotes))
	for _, r := range l.remotes {
		out = append(out, choker.Peer{
			ID: r.id, Interested: r.peerInterested, Choked: r.up.choking, Snubbed: r.down.snubbed,
			UploadOnly: r.uploadOnly, Down: r.down.rate, Up: r.up.rate,
			ConnectedAt: r.since, UnchokedAt: r.up.unchoked, SentSinceUnchoke: r.conn.Sent() - r.up.sentBefore,
		})
	}
	return out
}

// choke chokes or unchokes a peer. What it has asked for and not got is
// rejected by name (BEP 6) or forgotten.
func (l *loop) choke(r *remote, on bool) {
	if r == nil || r.up.choking == on {
		return
	}
	r.up.choking = on
	if !on {
		r.up.unchoked, r.up.sentBefore = l.now, r.conn.Sent()
		r.conn.Send(wire.AppendUnchoke)
		l.suggest(r)
		return
	}
	l.takeBackSuggested(r)
	keep := func(b wire.Block) bool { return r.up.fast[b.Index] }
	dropped := append(r.conn.DropUploads(keep), l.uploads.turns.choked(r, keep)...)
	r.conn.Send(func(dst []byte) []byte {
		dst = wire.AppendChoke(dst)
		if r.hs.Fast() {
			for _, b := range dropped {
				dst = wire.AppendReject(dst, b)
			}
		}
		return dst
	})
}

func (l *loop) onRequest(r *remote, b wire.Block) error {
	if l.content == nil {
		return l.refuse(r, b)
	}
	if !l.info().Pieces.CheckBlock(int64(b.Index), int64(b.Begin), int64(b.Length)) {
		return fmt.Errorf("request %+v: %w", b, errBlock)
	}
	r.up.lastRequest, r.busy, l.awake = l.now, l.now, l.now
	waiting := l.uploads.turns.order.Len(r.id) + r.conn.Uploading()
	if waiting >= maxRequests && !r.noise.hear(l.now, 1) {
		return errFlood
	}
	if !r.up.choking && !r.hs.Fast() && !l.picker.Pieces.Have(b.Index) {
		// It was evicted, the peer does not know, and would wait for ever.
		l.closeRemote(r, "asks for a piece that is gone and cannot be told so")
		return nil
	}
	if r.up.choking && !l.fastMay(r, b) || !l.picker.Pieces.Have(b.Index) || waiting >= maxRequests || !l.upload(r, b) {
		return l.refuse(r, b)
	}
	l.hearComplaint(r, b.Index, b.Length)
	if r.up.choking {
		r.up.fastBytes += b.Length
		return nil
	}
	if r.up.piece != b.Index {
		r.up.piece = b.Index
		l.uploads.handed.Out(b.Index)
		l.suggest(r)
	}
	return nil
}

// fastMay reports whether a choked peer may have the block all the same.
func (l *loop) fastMay(r *remote, b wire.Block) bool {
	return r.up.fast[b.Index] && r.up.fastBytes+b.Length <= fastBudget
}

// allowFast tells a peer which pieces it may ask for while it is choked, so
// that a newcomer has something to give soon (BEP 6).
func (l *loop) allowFast(r *remote) {
	if !r.hs.Fast() {
		return
	}
	r.up.fast = map[int]bool{}
	r.conn.Send(func(dst []byte) []byte {
		for _, piece := range wire.AllowedFastSet(r.addr.Addr(), l.t.hashes[0], l.picker.Pieces.Count(), allowedFast) {
			r.up.fast[piece] = true
			if l.picker.Pieces.Have(piece) {
				dst = wire.AppendAllowedFast(dst, piece)
			}
		}
		return dst
	})
}

// refuse rejects a request where that can be said (BEP 6). A peer that is
// refused thousands of times does not listen.
func (l *loop) refuse(r *remote, b wire.Block) error {
	if !r.noise.hear(l.now, 0.5) {
		return errFlood
	}
	if r.hs.Fast() {
		r.conn.Send(func(dst []byte) []byte { return wire.AppendReject(dst, b) })
	}
	return nil
}

func (l *loop) onCancel(r *remote, b wire.Block) error {
	if l.uploads.turns.order.Cancel(r.id, inTurn(b)) || r.conn.CancelUpload(b) {
		return l.refuse(r, b)
	}
	return nil
}
