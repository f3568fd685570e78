package swarm

import (
	"encoding/binary"
	"fmt"
	"slices"

	"p2pfs/swarm/wire"
)

// suggestAhead is how many bytes a peer is suggested beyond the piece that it
// is asking for: what it asks for in advance.
const suggestAhead = 512 << 10

// ourKind tells our peers from strangers.
func ourKind(peerID [20]byte) bool { return string(peerID[:3]) == wire.PeerIDPrefix[:3] }

// shareKey is by what leechers of our kind share out what only a seed has.
func shareKey(peerID [20]byte) uint64 {
	if !ourKind(peerID) {
		return 0
	}
	return max(1, binary.BigEndian.Uint64(peerID[12:]))
}

// suggest tells a peer of our kind that fetches from us what to ask for next:
// 16 libtorrent leechers take half as long again when they are told, too. Only a
// seeder does: who lacks pieces himself cannot tell which are rare.
func (l *loop) suggest(r *remote) {
	if !ourKind(r.hs.PeerID) || r.up.choking || !r.hs.Fast() || r.pp.All || l.content == nil || l.hungry() || l.picker.Pieces.Held() < l.picker.Pieces.Count() {
		return
	}
	r.up.suggested = slices.DeleteFunc(r.up.suggested, func(piece int) bool {
		return piece == r.up.piece || r.pp.Has.Test(uint(piece))
	})
	for want := 1 + suggestAhead/int(l.info().PieceLength); len(r.up.suggested) < want; {
		piece := l.uploads.handed.Take(l.picker, l.now)
		if piece < 0 {
			return
		}
		r.up.suggested = append(r.up.suggested, piece)
		r.conn.Send(func(dst []byte) []byte { return wire.AppendSuggest(dst, piece) })
	}
}

// takeBackSuggested lets others have what a peer was suggested that will not
// ask for it now.
func (l *loop) takeBackSuggested(r *remote) {
	l.uploads.handed.Back(r.up.suggested)
	r.up.suggested = nil
}

// onSuggest notes what a peer would like to be asked for (BEP 6).
func (l *loop) onSuggest(r *remote, piece int) error {
	if !r.hs.Fast() {
		return errFast
	}
	if l.content == nil {
		return nil
	}
	if piece >= l.picker.Pieces.Count() {
		return fmt.Errorf("suggest %d: %w", piece, errPiece)
	}
	l.picker.Suggest(r.id, piece)
	return nil
}
