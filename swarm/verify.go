package swarm

import (
	"slices"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/book"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
)

// check has a piece hashed whose blocks are all here. Where nothing says what
// it must hash to it waits for the piece layer.
func (l *loop) check(piece int) {
	want2, ok := l.hash.known.Piece(piece)
	if !ok {
		l.do(l.hash.layers.Await(piece, l.now))
		return
	}
	l.checkBy(piece, &want2)
}

// checkBy is check with the hash of version 2, nil if only that of version 1
// is known.
func (l *loop) checkBy(piece int, want2 *metainfo.Hash256) {
	j := l.assembly.Take(piece)
	j.Want2 = want2
	j.Leaves = slices.Clone(l.hash.leaves.Of(piece)) // more of them may come while a worker reads these
	l.hashSoon(j)
}

// hashedEvent is the verdict on a piece.
type hashedEvent struct{ *assembly.Job }

func (e hashedEvent) apply(l *loop) {
	switch {
	case e.Good():
		l.good(e.Job)
	case e.OK1 != e.OK2 && l.info().V1 && l.info().V2:
		e.Data.Release()
		l.end(errHalves)
	case len(e.Bad) > 0:
		l.falseBlocks(l.assembly.Reopen(e.Job, l.now))
		l.judge(e.Piece)
		l.fetch.all(l.now)
	default:
		l.failed(e.Job)
	}
}

// good takes in a verified piece: its readers wake before it is stored.
func (l *loop) good(j *assembly.Job) {
	if l.reads.Reading(j.Piece) {
		l.t.hot.add(j.Piece, j.Data, l.now)
	}
	for _, w := range l.reads.Wants.Take(j.Piece) {
		answer(w, outcome{data: j.Data.Part(w.First, w.End)})
	}
	for _, f := range l.assembly.Good(j) {
		l.accuse(f)
	}
	l.refocus()
}

// judge verifies the blocks of a piece that readers wait for, as far as their
// leaves are known, and answers the readers whose blocks are good.
func (l *loop) judge(piece int) {
	leaves := l.hash.leaves.Of(piece)
	if leaves == nil || !l.assembly.Begun(piece) {
		return
	}
	bad := false
	for _, w := range l.reads.Wants.Of(piece) {
		f := l.assembly.Judge(piece, w.First, w.End, leaves)
		l.falseBlocks(f)
		bad = bad || len(f) > 0
	}
	for _, w := range l.reads.Wants.TakeIf(piece, func(first, end int) bool { return l.assembly.Readable(piece, first, end) }) {
		if !w.Sparing {
			l.reads.Rest(piece, l.now)
		}
		data, _ := l.assembly.Read(piece, w.First, w.End, l.now)
		answer(w, outcome{data: data})
	}
	if l.reads.Wants.Of(piece) == nil {
		l.refocus()
	}
	if bad {
		l.fetch.all(l.now)
	}
}

// falseBlocks has blocks fetched again that were dropped as false.
func (l *loop) falseBlocks(list []assembly.False) {
	for _, f := range list {
		l.counts.wasted += f.Bytes
		l.picker.Pieces.Unreceive(f.Block)
		l.accuse(f)
	}
}

// failed has a piece fetched again that does not verify.
func (l *loop) failed(j *assembly.Job) {
	l.counts.wasted += int64(l.info().Pieces.Size(j.Piece))
	l.log.Debug("piece does not verify", "infohash", l.t.naming.hashes[0], "piece", j.Piece)
	if f, known := l.assembly.Failed(j); known {
		l.accuse(f)
	}
	l.picker.Pieces.Failed(j.Piece)
	l.fetch.all(l.now)
}

// storedEvent tells that a verified piece is in the storage, or why not.
type storedEvent struct {
	*assembly.Job
	err error
}

func (e storedEvent) apply(l *loop) {
	switch {
	case e.err == nil:
		l.assembly.Stored(e.Job)
		l.holds(e.Piece)
		l.do(l.hash.layers.Stored(e.Piece, l.now))
	case l.t.spec.Everything: // a download cannot go on
		l.assembly.Stored(e.Job)
		l.end(e.err)
	default: // a mount's reads do, from memory
		l.log.Debug("piece not stored", "infohash", l.t.naming.hashes[0], "piece", e.Piece, "err", e.err)
		l.picker.Pieces.Forget(e.Piece)
		l.assembly.Refused(e.Job)
	}
}

// arrived puts a block into its piece. It keeps the buffer or releases it.
func (l *loop) arrived(r *remote, b picker.Block, buf *peer.Buffer) {
	wanted, others := l.picker.Pieces.Received(b, r.id)
	if !wanted {
		l.counts.wasted += int64(len(buf.Bytes()))
		buf.Release()
		return
	}
	for _, id := range others {
		if o := l.crowd.of[id]; o != nil {
			l.fetch.cancel(o, b, l.now)
		}
	}
	l.assembly.Add(b, l.info().Pieces.Blocks(b.Piece), buf, r.id, l.now)
	if l.reads.Wants.Of(b.Piece) != nil {
		l.reads.Wants.Progress(b.Piece, l.now)
		l.judge(b.Piece)
	}
	if l.picker.Pieces.Complete(b.Piece) {
		l.check(b.Piece)
		return
	}
	for _, piece := range l.assembly.Squeeze(func(i int) bool { return l.reads.Wants.Of(i) != nil }) {
		l.counts.squeezed++
		l.picker.Pieces.Forget(piece)
	}
}

// holds notes that the storage has a piece, and tells everybody. It may hear of
// one twice: from its writer, and when a piece layer shows it to be there.
func (l *loop) holds(piece int) {
	if l.picker.Pieces.Have(piece) {
		return
	}
	l.picker.Pieces.SetHave(piece, true)
	l.fetch.have(piece)
	l.checkWhole()
}

// lostEvent tells that the storage has a piece no more.
type lostEvent struct{ piece int }

func (e lostEvent) apply(l *loop) {
	if l.content != nil && e.piece < l.picker.Pieces.Count() && l.picker.Pieces.Have(e.piece) {
		l.lost(e.piece)
	}
}

// lost makes a piece one to be fetched again and takes it back from peers.
func (l *loop) lost(piece int) {
	l.picker.Pieces.SetHave(piece, false)
	l.crowd.takeBack(piece)
	l.fetch.interest()
}

// accuse notes that a peer sent what does not verify. It is banned
// at once where others have all that it has. One that has some of it alone is asked
// again: memory and cables err now and then, and without it nobody gets the rest.
func (l *loop) accuse(f assembly.False) {
	r := l.crowd.of[f.Peer]
	if r == nil {
		return
	}
	r.down.Faults.Add(f.Bytes)
	if l.crowd.othersHave(r, &l.picker.Pieces) || r.down.Faults.TooMany(r.down.Blocks) {
		l.crowd.ban(r.id, f.Why, l.now)
		return
	}
	l.log.Debug("the only peer with a piece sent it false", "infohash", l.t.naming.hashes[0], "peer", r.addr, "piece", f.Block.Piece, "why", f.Why)
	l.causes.Lied(r.addr, l.now, book.BanTime)
}
