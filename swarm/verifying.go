package swarm

import (
	"slices"
	"time"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/book"
	"p2pfs/swarm/hashes"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/reads"
)

// verifying makes of the blocks that come pieces that are verified, and has what is
// false fetched again, of others. Owned by the loop.
type verifying struct {
	assembly *assembly.Assembly
	content  *content // nil until there is metadata, as what follows; its layers may be old
	picker   *picker.Picker
	hash     hashParts
	unhashed hashQueue // what no worker has taken yet
	wasted   int64     // payload bytes that were of no use

	t       *Torrent
	crowd   *crowd
	reads   *reads.Reads
	fetch   *fetching
	do      func([]hashes.Action)
	refocus func()
}

// arrived puts a block into its piece. It keeps the buffer or releases it.
func (v *verifying) arrived(r *remote, b picker.Block, buf *peer.Buffer, now time.Time) {
	wanted, others := v.picker.Pieces.Received(b, r.id)
	if !wanted {
		v.wasted += int64(len(buf.Bytes()))
		buf.Release()
		return
	}
	for _, id := range others {
		if o := v.crowd.of[id]; o != nil {
			v.fetch.cancel(o, b, now)
		}
	}
	v.assembly.Add(b, v.content.info().Pieces.Blocks(b.Piece), buf, r.id, now)
	if v.reads.Wants.Of(b.Piece) != nil {
		v.reads.Wants.Progress(b.Piece, now)
		v.judge(b.Piece, now)
	}
	if v.picker.Pieces.Complete(b.Piece) {
		v.check(b.Piece, now)
		return
	}
	for _, piece := range v.assembly.Squeeze(func(i int) bool { return v.reads.Wants.Of(i) != nil }) {
		v.picker.Pieces.Forget(piece)
	}
}

// check has a piece hashed whose blocks are all here. Where nothing says what
// it must hash to it waits for the piece layer.
func (v *verifying) check(piece int, now time.Time) {
	want2, ok := v.hash.known.Piece(piece)
	if !ok {
		v.do(v.hash.layers.Await(piece, now))
		return
	}
	v.checkBy(piece, &want2, now)
}

// checkBy is check with the hash of version 2, nil if only that of version 1
// is known.
func (v *verifying) checkBy(piece int, want2 *metainfo.Hash256, now time.Time) {
	j := v.assembly.Take(piece)
	j.Want2 = want2
	j.Leaves = slices.Clone(v.hash.leaves.Of(piece)) // more of them may come while a worker reads these
	v.hashSoon(j, now)
}

// checkWaiting checks a piece that waited for its hash, if nothing dropped it in
// the meantime: by its SHA-1 alone where the hash will not come.
func (v *verifying) checkWaiting(piece int, now time.Time) {
	if !v.picker.Pieces.Complete(piece) {
		return
	}
	if want, ok := v.hash.known.Piece(piece); ok {
		v.checkBy(piece, &want, now)
	} else {
		v.checkBy(piece, nil, now)
	}
}

// hashSoon has a piece hashed at once, or with the next if that will probably
// be whole in time: the last one was.
func (v *verifying) hashSoon(j *assembly.Job, now time.Time) {
	last := v.unhashed.last
	v.unhashed.last = now
	patient := v.reads.Wants.Of(j.Piece) == nil && now.Sub(last) < hashPatience && v.picker.Pieces.Incoming()
	if v.unhashed.add(queued{j, patient}, v.content.info()) {
		v.unhashed.start(v.t, v.content)
	} else if patient {
		time.AfterFunc(hashPatience, func() { v.t.post(hurryEvent(j.Piece)) })
	}
}

// hurry lets a piece wait for no other, if it does.
func (v *verifying) hurry(piece int) {
	if v.unhashed.hurry(piece, v.content.info()) {
		v.unhashed.start(v.t, v.content)
	}
}

// hashedEvent is the verdict on a piece.
type hashedEvent struct{ *assembly.Job }

func (e hashedEvent) apply(l *loop) {
	switch {
	case e.Good():
		l.verify.good(e.Job, l.now)
	case e.OK1 != e.OK2 && l.info().V1 && l.info().V2:
		e.Data.Release()
		l.end(errHalves)
	case len(e.Bad) > 0:
		l.verify.falseBlocks(l.verify.assembly.Reopen(e.Job, l.now), l.now)
		l.verify.judge(e.Piece, l.now)
		l.fetch.all(l.now)
	default:
		l.verify.failed(e.Job, l.now)
	}
}

// good takes in a verified piece: its readers wake before it is stored.
func (v *verifying) good(j *assembly.Job, now time.Time) {
	if v.reads.Reading(j.Piece) {
		v.t.hot.add(j.Piece, j.Data, now)
	}
	for _, w := range v.reads.Wants.Take(j.Piece) {
		answer(w, outcome{data: j.Data.Part(w.First, w.End)})
	}
	for _, f := range v.assembly.Good(j) {
		v.accuse(f, now)
	}
	v.refocus()
}

// judge verifies the blocks of a piece that readers wait for, as far as their
// leaves are known, and answers the readers whose blocks are good.
func (v *verifying) judge(piece int, now time.Time) {
	leaves := v.hash.leaves.Of(piece)
	if leaves == nil || !v.assembly.Begun(piece) {
		return
	}
	bad := false
	for _, w := range v.reads.Wants.Of(piece) {
		f := v.assembly.Judge(piece, w.First, w.End, leaves)
		v.falseBlocks(f, now)
		bad = bad || len(f) > 0
	}
	for _, w := range v.reads.Wants.TakeIf(piece, func(first, end int) bool { return v.assembly.Readable(piece, first, end) }) {
		if !w.Sparing {
			v.reads.Rest(piece, now)
		}
		data, _ := v.assembly.Read(piece, w.First, w.End, now)
		answer(w, outcome{data: data})
	}
	if v.reads.Wants.Of(piece) == nil {
		v.refocus()
	}
	if bad {
		v.fetch.all(now)
	}
}

// falseBlocks has blocks fetched again that were dropped as false.
func (v *verifying) falseBlocks(list []assembly.False, now time.Time) {
	for _, f := range list {
		v.wasted += f.Bytes
		v.picker.Pieces.Unreceive(f.Block)
		v.accuse(f, now)
	}
}

// failed has a piece fetched again that does not verify.
func (v *verifying) failed(j *assembly.Job, now time.Time) {
	v.wasted += int64(v.content.info().Pieces.Size(j.Piece))
	v.t.log.Debug("piece does not verify", "infohash", v.t.naming.hashes[0], "piece", j.Piece)
	if f, known := v.assembly.Failed(j); known {
		v.accuse(f, now)
	}
	v.picker.Pieces.Failed(j.Piece)
	v.fetch.all(now)
}

// accuse notes that a peer sent what does not verify. It is banned
// at once where others have all that it has. One that has some of it alone is asked
// again: memory and cables err now and then, and without it nobody gets the rest.
func (v *verifying) accuse(f assembly.False, now time.Time) {
	r := v.crowd.of[f.Peer]
	if r == nil {
		return
	}
	r.down.Faults.Add(f.Bytes)
	if v.crowd.othersHave(r, &v.picker.Pieces) || r.down.Faults.TooMany(r.down.Blocks) {
		v.crowd.ban(r.id, f.Why, now)
		return
	}
	v.t.log.Debug("the only peer with a piece sent it false", "infohash", v.t.naming.hashes[0], "peer", r.addr, "piece", f.Block.Piece, "why", f.Why)
	v.crowd.causes.Lied(r.addr, now, book.BanTime)
}

// storedEvent tells that a verified piece is in the storage, or why not.
type storedEvent struct {
	*assembly.Job
	err error
}

func (e storedEvent) apply(l *loop) {
	switch {
	case e.err == nil:
		l.verify.assembly.Stored(e.Job)
		l.holds(e.Piece)
		l.do(l.hash.layers.Stored(e.Piece, l.now))
	case l.t.spec.Everything: // a download cannot go on
		l.verify.assembly.Stored(e.Job)
		l.end(e.err)
	default: // a mount's reads do, from memory
		l.log.Debug("piece not stored", "infohash", l.t.naming.hashes[0], "piece", e.Piece, "err", e.err)
		l.picker.Pieces.Forget(e.Piece)
		l.verify.assembly.Refused(e.Job)
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
		l.fetch.lost(e.piece)
	}
}
