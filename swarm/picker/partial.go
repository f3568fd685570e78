package picker

import (
	"time"

	"p2pfs/swarm/hashing"
)

// maxAskers is how many peers one block may be asked of at once.
const maxAskers = 2

// longestDue is how long a block that a reader waits for may take, before it
// is asked of whoever would send it sooner.
const longestDue = 1500 * time.Millisecond

// partial is an active piece.
type partial struct {
	piece int
	state []state
	free  int // blocks neither here nor asked for
	here  int // blocks that have come
	only  int // the one peer that may be asked, 0: any (after a failed hash)
	alone bool
	total *int // counts free, too, while the piece is selected; else nil
}

// state is one block of an active piece.
type state struct {
	here   bool
	askers [maxAskers]int // peer IDs, 0: none
	due    time.Time      // when the first asked peer should have sent it
}

func (s *state) asked() bool { return s.askers[0] != 0 }

func (s *state) askedOf(id int) bool { return s.askers[0] == id || s.askers[1] == id }

// add changes the number of free blocks.
func (a *partial) add(d int) {
	a.free += d
	if a.total != nil {
		*a.total += d
	}
}

// count has total count the free blocks, or not.
func (a *partial) count(total *int) {
	n := a.free
	a.add(-n)
	a.total = total
	a.add(n)
}

// ask notes that block n is asked of peer.
func (a *partial) ask(now time.Time, n int, peer *Peer) {
	s := &a.state[n]
	if !s.asked() {
		a.add(-1)
		s.askers[0] = peer.ID
		eta := peer.eta()
		s.due = now.Add(min(eta+eta/2+50*time.Millisecond, longestDue))
	} else {
		s.askers[1] = peer.ID
	}
	if a.alone && a.only == 0 {
		a.only = peer.ID
	}
	peer.Queued += hashing.BlockSize
}

// drop forgets that block n was asked of id.
func (a *partial) drop(n, id int) {
	s := &a.state[n]
	if id == 0 || s.here || !s.askedOf(id) {
		return
	}
	if s.askers[0] == id {
		s.askers[0] = s.askers[1]
	}
	s.askers[1] = 0
	if !s.asked() {
		a.add(1)
	}
}

// leave is drop of all blocks, for a peer that has gone.
func (a *partial) leave(id int) {
	for n := range a.state {
		a.drop(n, id)
	}
	if a.only == id {
		a.only = 0
	}
}

// receive notes that block n has come from id; others are the peers that were
// asked for it too.
func (a *partial) receive(n, id int) (others []int) {
	s := &a.state[n]
	if !s.asked() {
		a.add(-1)
	}
	for _, o := range s.askers {
		if o != 0 && o != id {
			others = append(others, o)
		}
	}
	s.here, s.askers = true, [maxAskers]int{}
	a.here++
	return others
}

// rests reports whether nothing of the piece has come and nothing is asked.
func (a *partial) rests() bool { return a.free == len(a.state) && !a.alone }
