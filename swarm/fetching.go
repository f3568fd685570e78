package swarm

import (
	"slices"
	"time"

	"p2pfs/swarm/hashes"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/haves"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/reads"
	"p2pfs/swarm/wire"
)

// maxUnverified bounds the bytes asked for and come that no hash has been checked
// of, over all torrents.
const maxUnverified = 64 << 20

// fetching asks peers for what we lack: it tells them that we are interested, and
// what is asked for or no longer is. Owned by the loop.
type fetching struct {
	picker *picker.Picker // nil until there is metadata, as what follows
	info   *metainfo.Info
	leaves *hashes.Leaves

	t     *Torrent
	crowd *crowd
	reads *reads.Reads
	do    func([]hashes.Action)
}

// count has what a peer owes us counted among what all torrents asked for.
func (r *remote) count(b *bandwidth) {
	b.asked.Add(int64(r.down.Change()) * hashing.BlockSize)
}

// dropped has blocks asked of others that a peer will not send.
func (f *fetching) dropped(r *remote, blocks []picker.Block) {
	for _, b := range blocks {
		f.picker.Pieces.Dropped(b, r.id)
	}
	r.count(&f.t.client.bandwidth)
	r.in.Expect(r.down.Len())
}

// tick gives up on blocks that do not come.
func (f *fetching) tick(r *remote, now time.Time) {
	late := r.down.Tick(now, r.in.Held())
	if late.Err != nil {
		r.conn.Close(late.Err)
	}
	if len(late.Dropped)+len(late.Snubbed) > 0 {
		f.dropped(r, append(late.Dropped, late.Snubbed...))
	}
}

// fill asks the peer for as many blocks as it should owe us.
func (f *fetching) fill(r *remote, now time.Time) {
	if f.picker == nil || !f.hungry() || !r.has.Interested() || r.down.Paused(now) {
		return
	}
	if r.pp.Choked && len(r.pp.Fast) == 0 {
		return
	}
	// What readers want would wait behind what is asked for now.
	urgent := f.reads.Active() || f.t.client.bandwidth.down != nil
	room := r.down.Room(r.reqq(), len(f.crowd.of) == 1, urgent)
	if room == 0 {
		return
	}
	if left := f.t.client.bandwidth.mayAsk(); room > left {
		if room = left; room <= 0 && r.down.Len() > 0 {
			return
		}
		room = max(room, 1)
	}
	for _, o := range f.crowd.of {
		o.pp.Late, o.pp.Held = o.down.Late(now), o.in.Held()
		if o.pp.Held {
			o.pp.Late = 0
		}
	}
	f.ask(r, f.picker.Pick(now, r.pp, room, nil), now)
}

func (r *remote) reqq() int {
	if r.ext.Reqq > 0 {
		return r.ext.Reqq
	}
	return 250
}

func (f *fetching) ask(r *remote, blocks []picker.Block, now time.Time) {
	if len(blocks) == 0 {
		return
	}
	r.down.Ask(blocks, now)
	r.count(&f.t.client.bandwidth)
	r.in.Expect(r.down.Len())
	r.busy = now
	info := f.info
	r.conn.Send(func(dst []byte) []byte {
		for _, b := range blocks {
			dst = wire.AppendRequest(dst, wire.Block{
				Index: b.Piece, Begin: b.N * hashing.BlockSize, Length: info.Pieces.BlockLen(b.Piece, b.N),
			})
			// Right behind the first request for a block of the piece:
			// some seeders have the leaves at hand only then.
			if q, ok := f.leaves.With(r.id, b, now); ok {
				dst = wire.AppendHashRequest(dst, q)
			}
		}
		return dst
	})
	if !f.leaves.Gives(r.id) { // somebody else may know the leaves
		for i, b := range blocks {
			if i == 0 || b.Piece != blocks[i-1].Piece {
				f.do(f.leaves.Ask(b, now))
			}
		}
	}
}

// cancel takes a request back that another peer has answered. The block may
// be on its way: it is then a duplicate, not one that was never asked for.
func (f *fetching) cancel(r *remote, b picker.Block, now time.Time) {
	if !r.down.Asked(b) {
		return
	}
	n := f.info.Pieces.BlockLen(b.Piece, b.N)
	r.conn.Send(func(dst []byte) []byte {
		return wire.AppendCancel(dst, wire.Block{Index: b.Piece, Begin: b.N * hashing.BlockSize, Length: n})
	})
	if !r.hs.Fast() { // no answer comes; with BEP 6 it is the block or a reject
		r.down.Excuse(n)
		f.dropped(r, r.down.Drop(b, now))
	}
}

// all asks all peers for more, the quickest first.
func (f *fetching) all(now time.Time) {
	if f.picker == nil || !f.hungry() || len(f.crowd.of) == 0 {
		return
	}
	all := make([]*remote, 0, len(f.crowd.of))
	for _, r := range f.crowd.of {
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
		f.interestIn(r)
		f.fill(r, now)
	}
}

// hungry reports whether the torrent wants bytes from peers now.
func (f *fetching) hungry() bool {
	if f.picker == nil {
		return f.t.spec.MetaInfo == nil || f.reads.Wants.Count() > 0
	}
	if f.picker.Pieces.Missing() > 0 {
		return true
	}
	return f.reads.Active()
}

// interest looks anew at which peers have something for us.
func (f *fetching) interest() {
	for _, r := range f.crowd.of {
		f.interestIn(r)
	}
}

// interestIn tells one peer whether we are interested in it, if that has changed.
func (f *fetching) interestIn(r *remote) {
	if f.picker == nil || !r.has.Interest(f.hungry()) {
		return
	}
	want := r.has.Interested()
	if want {
		f.tellDownload(r)
	}
	r.conn.Send(func(dst []byte) []byte {
		if want {
			return wire.AppendInterested(dst)
		}
		return wire.AppendNotInterested(dst)
	})
}

// have tells everybody about a new piece.
func (f *fetching) have(piece int) {
	for _, r := range f.crowd.of {
		if r.has.Ours(piece, true) {
			f.interestIn(r)
			if r.pp.All {
				continue // a seed has no use for it
			}
		}
		r.conn.Send(func(dst []byte) []byte { return wire.AppendHave(dst, piece) })
	}
}

// rejected takes in that a peer will not send a block (BEP 6). An error closes it.
func (f *fetching) rejected(r *remote, b wire.Block, now time.Time) error {
	if !r.hs.Fast() {
		return haves.ErrFast
	}
	k := picker.Block{Piece: b.Index, N: b.Begin / hashing.BlockSize}
	if r.down.Asked(k) {
		f.dropped(r, r.down.Drop(k, now))
		delete(r.pp.Fast, b.Index)
		r.down.Rejected(now)
	}
	return nil
}

// choked takes in whether a peer chokes us.
func (f *fetching) choked(r *remote, choke bool, now time.Time) {
	if r.pp.Choked == choke {
		return
	}
	r.pp.Choked = choke
	r.down.Choked(now)
	if choke && !r.hs.Fast() { // with BEP 6 each is rejected by name
		f.dropped(r, r.down.DropAll(now))
		f.all(now)
	}
}

// lost makes a piece one to be fetched again and takes it back from peers.
func (f *fetching) lost(piece int) {
	f.picker.Pieces.SetHave(piece, false)
	f.crowd.takeBack(piece)
	f.interest()
}

// heard looks anew at whether a peer has something for us that has told what it
// has.
func (f *fetching) heard(r *remote, err error) error {
	if err == nil {
		f.interestIn(r)
	}
	return err
}

// left is the number of bytes still to be fetched, rounded up to pieces.
func (f *fetching) left() int64 {
	missing := int64(f.picker.Pieces.Count() - f.picker.Pieces.Held())
	if f.t.spec.Everything {
		missing = int64(f.picker.Pieces.Missing())
	}
	if missing == 0 {
		return 0
	}
	return min(missing*f.info.PieceLength, max(f.info.Length(), 1))
}

// pace is how long the torrent may sleep before it looks at its clocks again.
func (f *fetching) pace() time.Duration {
	if len(f.crowd.of) > 0 || f.reads.Wants.Count() > 0 || f.hungry() {
		return tickEvery
	}
	return restEvery
}
