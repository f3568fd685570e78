package picker

// maxSuggested is how many suggestions of one peer are remembered.
const maxSuggested = 32

// Suggest notes that a peer would like to be asked for the piece (BEP 6). It
// is heeded only where rarest first leaves the choice: a seeder that tells
// each of us another piece sends each once, and nobody can be led to fetch
// what is common before what is rare. Of many the last count.
func (p *Picker) Suggest(id, piece int) {
	peer := p.peers[id]
	if peer == nil || p.Pieces.Have(piece) {
		return
	}
	if len(peer.suggested) >= maxSuggested {
		peer.suggested = peer.suggested[1:]
	}
	peer.suggested = append(peer.suggested, piece)
}

// suggestion returns the first piece that the peer suggested, may be begun,
// and is as rare as a piece that avail peers have; or -1. Those that will not
// be begun any more are forgotten.
func (k *picking) suggestion(avail int) int {
	s := k.peer.suggested
	for len(s) > 0 && k.pieces.order.where[s[0]] < 0 {
		s = s[1:]
	}
	k.peer.suggested = s
	for _, piece := range s {
		if k.pieces.order.where[piece] >= 0 && k.pieces.order.avail(piece) <= avail && k.peer.has(piece) {
			return piece
		}
	}
	return -1
}
