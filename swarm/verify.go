package swarm

import (
	"crypto/sha256"
	"slices"

	"p2pfs/swarm/metainfo"
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
	p := l.pieces.take(piece)
	l.hashSoon(&hashedEvent{
		piece: piece, data: span{0, p.blocks}, from: p.from, want2: want2,
		leaves: slices.Clone(l.hash.leaves.Of(piece)), // more of them may come while a worker reads these
	})
}

// hashedEvent is the verdict on a piece.
type hashedEvent struct {
	piece  int
	data   span
	from   []int              // who sent each block
	want2  *metainfo.Hash256  // nil: not known, and the SHA-1 has to do
	leaves []metainfo.Hash256 // of all its blocks, or nil

	patient bool // can wait for another piece to be hashed with; guarded by the queue's mutex

	ok1, ok2 bool
	bad      []int // blocks that their leaves prove false
}

func (e hashedEvent) apply(l *loop) {
	switch {
	case e.ok1 && e.ok2:
		l.good(e)
	case e.ok1 != e.ok2 && l.info().V1 && l.info().V2:
		e.data.release()
		l.end(errHalves)
	case len(e.bad) > 0:
		l.reopen(e)
	default:
		l.failed(e)
	}
}

// good takes in a verified piece: its readers wake before it is stored.
func (l *loop) good(e hashedEvent) {
	l.pieces.writing[e.piece] = e.data
	if l.reads.Reading(e.piece) {
		l.t.hot.add(e.piece, e.data, l.now)
	}
	for _, w := range l.reads.Wants.Take(e.piece) {
		answer(w, outcome{data: e.data.part(w.First, w.End)})
	}
	l.blame(e)
	l.refocus()
}

// reopen accuses those who sent the blocks that their leaf hashes prove false,
// and fetches just these again.
func (l *loop) reopen(e hashedEvent) {
	blocks := len(e.data.blocks)
	for n, buf := range e.data.blocks {
		if slices.Contains(e.bad, n) {
			size := int64(len(buf.Bytes()))
			l.counts.wasted += size
			buf.Release()
			l.picker.Pieces.Unreceive(picker.Block{Piece: e.piece, N: n})
			l.accuse(e.from[n], e.piece, size, "sent a block that does not verify")
			continue
		}
		l.pieces.add(picker.Block{Piece: e.piece, N: n}, blocks, buf, e.from[n], l.now)
	}
	l.judge(e.piece)
	l.scheduleAll()
}

// failed finds who sent a piece that does not verify. If one peer sent all of
// it, it is accused; otherwise the piece is fetched again from a single other
// peer, and then compared.
func (l *loop) failed(e hashedEvent) {
	defer e.data.release()
	l.counts.wasted += int64(l.info().Pieces.Size(e.piece))
	l.log.Debug("piece does not verify", "infohash", l.t.hashes[0], "piece", e.piece)
	one := !slices.ContainsFunc(e.from, func(id int) bool { return id != e.from[0] })
	if one {
		l.accuse(e.from[0], e.piece, int64(l.info().Pieces.Size(e.piece)), "sent a piece that does not verify")
	} else if l.pieces.bad[e.piece] == nil {
		c := &culprits{from: e.from}
		for _, b := range e.data.bytes() {
			c.hashes = append(c.hashes, sha256.Sum256(b))
		}
		l.pieces.bad[e.piece] = c
	}
	l.picker.Pieces.Failed(e.piece)
	l.scheduleAll()
}

// blame compares a good piece with a bad copy of it, and accuses those whose
// blocks differ.
func (l *loop) blame(e hashedEvent) {
	c := l.pieces.bad[e.piece]
	if c == nil {
		return
	}
	delete(l.pieces.bad, e.piece)
	for n, b := range e.data.bytes() {
		if sha256.Sum256(b) != c.hashes[n] {
			l.accuse(c.from[n], e.piece, int64(len(b)), "sent a block that differs from the verified one")
		}
	}
}

// storedEvent tells that a verified piece is in the storage, or why not.
type storedEvent struct {
	piece int
	data  span
	err   error
}

func (e storedEvent) apply(l *loop) {
	delete(l.pieces.writing, e.piece)
	if e.err != nil {
		l.unstored(e)
		return
	}
	e.data.release()
	l.holds(e.piece)
	l.do(l.hash.layers.Stored(e.piece, l.now))
}

// holds notes that the storage has a piece, and tells everybody. It may hear of
// one twice: from its writer, and when a piece layer shows it to be there.
func (l *loop) holds(piece int) {
	if l.picker.Pieces.Have(piece) {
		return
	}
	l.picker.Pieces.SetHave(piece, true)
	l.tellHave(piece)
	l.checkWhole()
}

// unstored is a verified piece that the storage refused. A download cannot go
// on; a mount's reads do, from memory.
func (l *loop) unstored(e storedEvent) {
	if l.t.spec.Everything {
		e.data.release()
		l.end(e.err)
		return
	}
	l.log.Debug("piece not stored", "infohash", l.t.hashes[0], "piece", e.piece, "err", e.err)
	l.picker.Pieces.Forget(e.piece)
	l.pieces.keep(e.piece, e.data)
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
	for _, r := range l.remotes {
		if r.pp.All || r.pp.Has != nil && r.pp.Has.Test(uint(piece)) {
			r.lacking++
		}
		l.takeBack(r, piece)
	}
	l.interest()
}
