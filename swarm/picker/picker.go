// Package picker decides which blocks to ask of which peer.
//
// It is pure: no goroutine, no lock, no clock (now is a parameter), no random
// source but the one given. One goroutine, the torrent's loop, owns a Picker.
//
// A piece that is not held is in exactly one of three states: resting (it is
// in the rarest-first order if it is selected), active (it has a partial:
// blocks of it were asked for or have come), or complete (all blocks have
// come, its hash is being checked). A block of an active piece is free, asked
// of one or two peers, or here.
//
// Pick answers in this order: urgent blocks by deadline, then, for selected
// pieces, of a seed what only seeds have, active pieces before new ones and new
// ones rarest first with random ties (BEP 3), and last, when all that anybody
// has was asked for, a block that another peer owes (endgame).
package picker

import (
	"math/rand"
	"slices"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
)

// A Block names a block by its piece and its number within the piece.
type Block struct{ Piece, N int }

// A Peer is what the picker must know of a remote. The caller keeps its
// estimates current; the picker changes Queued only, by what it picks.
type Peer struct {
	ID     int
	Has    *bitset.BitSet // pieces the peer has; nil with All set
	All    bool           // a seed: has every piece
	Choked bool           // chokes us: only Fast pieces may be asked for
	Fast   map[int]bool   // allowed-fast pieces (BEP 6)
	Rate   float64        // bytes per second it is expected to send; 0 unknown
	RTT    time.Duration  // from request to block on an empty queue
	Queued int            // bytes asked of it and not come
	Late   time.Duration  // for how long it has owed blocks and sent none
	Held   bool           // a limit of ours keeps us from reading what it sends
	Key    uint64         // names a peer that shares pieces out as we do; 0: does not

	suggested []int // pieces it would like to be asked for, see Suggest
}

// has reports whether the peer has the piece and may be asked for it now.
func (p *Peer) has(piece int) bool {
	if p.Choked && !p.Fast[piece] {
		return false
	}
	return p.All || p.Has != nil && p.Has.Test(uint(piece))
}

// eta is when a block asked for now should have come.
func (p *Peer) eta() time.Duration {
	d := p.RTT + 2*p.Late
	if p.Rate > 0 {
		d += time.Duration(float64(p.Queued+hashing.BlockSize) / p.Rate * float64(time.Second))
	} else if p.Queued > 0 {
		d += 200 * time.Millisecond
	}
	return d
}

// Urgent is a run of blocks, First up to and without End, that a reader waits
// for or will soon. Blocks with an earlier deadline are asked for first; a
// deadline that is not after now means that somebody waits.
type Urgent struct {
	Piece, First, End int
	Deadline          time.Time
}

// A Picker knows the pieces of one torrent, and the peers that have some.
type Picker struct {
	// Key is what those know us by who share pieces out as we do, as Peer.Key;
	// 0: nobody does.
	Key uint64
	// Pieces are the pieces, and what of them has come and was asked for.
	Pieces Pieces

	urgent []Urgent
	peers  map[int]*Peer
	joined []*Peer // the same, to walk through
	rng    *rand.Rand
}

// New returns a Picker for n pieces of which none is held or selected;
// blocks tells how many blocks a piece has.
func New(n int, blocks func(piece int) int, rng *rand.Rand) *Picker {
	return &Picker{Pieces: newPieces(n, blocks, rng), peers: map[int]*Peer{}, rng: rng}
}

// SetUrgent replaces the urgent blocks; list must be sorted by deadline. The
// picker keeps the slice.
func (p *Picker) SetUrgent(list []Urgent) { p.urgent = list }

// Join takes a peer into the availability and keeps the pointer; its Has and
// All may change later through PeerHas, PeerHasAll and PeerLost only.
func (p *Picker) Join(peer *Peer) {
	p.peers[peer.ID] = peer
	p.joined = append(p.joined, peer)
	p.count(peer, 1)
}

// Leave takes the peer out again and frees every block asked of it.
func (p *Picker) Leave(id int) {
	peer := p.peers[id]
	if peer == nil {
		return
	}
	p.count(peer, -1)
	delete(p.peers, id)
	p.joined = slices.DeleteFunc(p.joined, func(o *Peer) bool { return o == peer })
	p.Pieces.drop(id)
}

func (p *Picker) count(peer *Peer, d int) {
	if peer.All {
		p.Pieces.order.seeds += d
		return
	}
	if peer.Has == nil {
		return
	}
	for i, ok := peer.Has.NextSet(0); ok; i, ok = peer.Has.NextSet(i + 1) {
		p.Pieces.order.shift(int(i), d)
	}
}

// PeerHas notes a have message.
func (p *Picker) PeerHas(id, piece int) {
	peer := p.peers[id]
	if peer == nil || peer.All {
		return
	}
	if peer.Has == nil {
		peer.Has = bitset.New(uint(p.Pieces.Count()))
	}
	if !peer.Has.Test(uint(piece)) {
		peer.Has.Set(uint(piece))
		p.Pieces.order.shift(piece, 1)
	}
}

// PeerHasAll notes that the peer has every piece.
func (p *Picker) PeerHasAll(id int) {
	peer := p.peers[id]
	if peer == nil || peer.All {
		return
	}
	p.count(peer, -1)
	peer.All, peer.Has = true, nil
	p.count(peer, 1)
}

// PeerLost notes that the peer took a piece back (BEP 54).
func (p *Picker) PeerLost(id, piece int) {
	peer := p.peers[id]
	if peer == nil {
		return
	}
	if peer.All {
		p.count(peer, -1)
		peer.All, peer.Has = false, bitset.New(uint(p.Pieces.Count()))
		peer.Has.FlipRange(0, uint(p.Pieces.Count()))
		p.count(peer, 1)
	}
	if peer.Has != nil && peer.Has.Test(uint(piece)) {
		peer.Has.Clear(uint(piece))
		p.Pieces.order.shift(piece, -1)
	}
}

// Availability is the number of joined peers that have the piece.
func (p *Picker) Availability(piece int) int {
	return p.Pieces.order.avail(piece) + p.Pieces.order.seeds
}
