// Package metadata fetches the info dictionary that a magnet names from peers, and
// gives it to them (BEP 9).
//
// It is pure: no goroutine, no lock, no network, and no clock but the times it
// is given. Nothing here is safe for concurrent use. Peers are small integers to
// it. It does not parse what it fetches: whether it is what was wanted the caller
// tells.
package metadata

import (
	"bytes"
	"errors"
	"time"

	"p2pfs/swarm/wire"
)

const (
	// maxFetches is how many peers it is fetched from at once, each into a buffer
	// of its own: so a liar spoils only his.
	maxFetches = 3
	// timeout gives up on a peer that stopped sending it.
	timeout = 10 * time.Second
	// maxServed bounds the requests of one peer.
	maxServed = 4096
)

// ErrFalse tells that what a peer sent is not the metadata: it lied.
var ErrFalse = errors.New("sent false metadata")

// Exchange is what one torrent gets and gives of its metadata.
type Exchange struct {
	is      func(raw []byte) bool
	done    bool
	offers  map[int]int    // bytes, by peer
	fetches map[int]*fetch // by peer
	failed  map[int]bool   // peers that rejected or lied
	served  map[int]int    // requests, by peer
}

// fetch is one peer's copy, coming in.
type fetch struct {
	size int
	got  [][]byte
	have int
	last time.Time
}

// Request tells that a peer is to be asked for the first Pieces pieces of the
// metadata, which are all.
type Request struct{ Peer, Pieces int }

// New returns the exchange of a torrent whose metadata is what is reports it to
// be.
func New(is func(raw []byte) bool) *Exchange {
	return &Exchange{is: is, offers: map[int]int{}, fetches: map[int]*fetch{}, failed: map[int]bool{}, served: map[int]int{}}
}

// Done tells that the metadata is known: nobody is asked any more.
func (e *Exchange) Done() {
	e.done = true
	clear(e.fetches)
}

// Offer notes that a peer has metadata of size bytes, 0: none.
func (e *Exchange) Offer(peer, size int) { e.offers[peer] = size }

// Leave forgets a peer.
func (e *Exchange) Leave(peer int) {
	delete(e.offers, peer)
	delete(e.fetches, peer)
	delete(e.failed, peer)
	delete(e.served, peer)
}

// Fetching reports whether the metadata is coming from a peer.
func (e *Exchange) Fetching(peer int) bool { return e.fetches[peer] != nil }

// Ask returns whom to ask now. To be called some times a second, and after all
// that happens.
func (e *Exchange) Ask(now time.Time) (list []Request) {
	if e.done {
		return nil
	}
	for id, f := range e.fetches {
		if now.Sub(f.last) > timeout {
			e.fail(id)
		}
	}
	for id, size := range e.offers {
		if len(e.fetches) >= maxFetches {
			break
		}
		if size > 0 && !e.failed[id] && e.fetches[id] == nil {
			n := (size + wire.MetadataPiece - 1) / wire.MetadataPiece
			e.fetches[id] = &fetch{size: size, got: make([][]byte, n), last: now}
			list = append(list, Request{id, n})
		}
	}
	return list
}

func (e *Exchange) fail(peer int) {
	delete(e.fetches, peer)
	e.failed[peer] = true
}

// Reject takes in that a peer gives a piece not.
func (e *Exchange) Reject(peer int) {
	if e.fetches[peer] != nil {
		e.fail(peer)
	}
}

// Data takes a piece in, which it copies. It returns the metadata once it is
// whole, and ErrFalse if it is none. What was not asked for is dropped.
func (e *Exchange) Data(peer int, m wire.Metadata, now time.Time) (raw []byte, err error) {
	f := e.fetches[peer]
	if f == nil || m.Piece >= len(f.got) || f.got[m.Piece] != nil {
		return nil, nil
	}
	if want := min(wire.MetadataPiece, f.size-m.Piece*wire.MetadataPiece); len(m.Data) != want {
		e.fail(peer)
		return nil, ErrFalse
	}
	f.got[m.Piece] = bytes.Clone(m.Data)
	f.have++
	f.last = now
	if f.have < len(f.got) {
		return nil, nil
	}
	if raw = bytes.Join(f.got, nil); !e.is(raw) {
		e.fail(peer)
		return nil, ErrFalse
	}
	e.Done()
	return raw, nil
}

// Serve returns the answer to a peer's request for a piece of raw, the metadata;
// nil while that is not known.
func (e *Exchange) Serve(peer, piece int, raw []byte) wire.Metadata {
	e.served[peer]++
	from := piece * wire.MetadataPiece
	if from >= len(raw) || e.served[peer] > maxServed {
		return wire.Metadata{Type: wire.MetadataReject, Piece: piece}
	}
	end := min(len(raw), from+wire.MetadataPiece)
	return wire.Metadata{Type: wire.MetadataData, Piece: piece, TotalSize: len(raw), Data: raw[from:end]}
}
