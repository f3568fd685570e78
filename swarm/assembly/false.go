package assembly

import "p2pfs/swarm/picker"

// suspects remembers a piece that did not verify: who sent which block, and
// what it hashed to, until the piece has come whole and the bad ones show.
type suspects struct {
	from   []int
	hashes [][32]byte
}

// False is what a peer sent and what did not verify.
type False struct {
	Peer  int
	Block picker.Block // the first of it
	Bytes int64
	Why   string // what the peer did
}
