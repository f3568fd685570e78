package reads

import "time"

const (
	// maxStreams is how many places of a file one open file is followed at.
	maxStreams = 4
	// windowGrowth is how many times what was read in order is fetched ahead:
	// so much more comes each round trip, until the reader is the slower one.
	windowGrowth = 4
	// aheadTime is for how long a reader that takes its time finds bytes
	// fetched ahead of it; much longer than any round trip.
	aheadTime = 8 * time.Second
	// minWindow and maxWindow bound what is fetched ahead of a reader that
	// has shown its pace, in bytes.
	minWindow = 1 << 20
	maxWindow = 32 << 20
	// streamSlack is how far from the expected place a read may be, in bytes,
	// and still go on from there: the kernel's own read-ahead may come out of
	// order.
	streamSlack = 256 << 10
	// paceDecay is the weight that each read takes from those before it.
	paceDecay = 0.9
)

// A Stream is a place in a file that is read on from.
type Stream struct {
	next   int64 // where the next read is expected
	run    int64 // bytes read in order so far
	told   int64 // end of what is fetched ahead; 0: nothing
	used   time.Time
	back   time.Time // when a read was last answered
	took   float64   // bytes that were asked for of late, and
	pauses float64   // the seconds between an answer and the next read
}

// window is how many bytes ahead of the next read are to be fetched: more the
// longer the run, and no more than the reader takes in aheadTime by itself,
// the time left out that it waited for us.
func (s *Stream) window(n int64) int64 {
	if s.run == n {
		return 0 // a single read tells nothing
	}
	most := float64(maxWindow)
	if s.pauses > 0 {
		most = min(most, s.took/s.pauses*aheadTime.Seconds())
	}
	return min(windowGrowth*s.run, max(minWindow, int64(most)))
}

// reads notes a read.
func (s *Stream) reads(off, n int64, now time.Time) {
	if !s.back.IsZero() {
		s.took = s.took*paceDecay + float64(n)
		s.pauses = s.pauses*paceDecay + max(0, now.Sub(s.back).Seconds())
	}
	s.next, s.used = off+n, now
	s.run += n
}

// Answered notes that a read was answered.
func (s *Stream) Answered(now time.Time) { s.back = now }

// Streams are the places that an open file is read on from.
type Streams struct{ all []*Stream }

// All are those that are followed, in a slice of its own.
func (ss *Streams) All() []*Stream { return append([]*Stream(nil), ss.all...) }

// A Move says what is to be fetched ahead of a stream from now on: the bytes
// From up to and without End of the file, nothing if End is 0.
type Move struct {
	Stream    *Stream // nil: all stays as it is
	From, End int64
}

// Follow notes a read of n bytes at off of a file of length bytes in pieces of
// piece bytes. The move is of another stream if that was given up for this one,
// and there is one only when the window moved by a piece, or by a good part of
// itself.
func (ss *Streams) Follow(off, n, length, piece int64, now time.Time) (*Stream, Move) {
	s, lost := ss.at(off, n)
	s.reads(off, n, now)
	window := s.window(n)
	end := min(s.next+window, length)
	switch {
	case window > 0 && end > s.told && (end-s.told >= min(piece, window/4) || end == length):
		s.told = end
		return s, Move{Stream: s, From: s.next, End: end}
	case lost != nil:
		return s, Move{Stream: lost}
	}
	return s, Move{}
}

// at finds the place that a read goes on from, or begins one; lost is one that
// was given up for it while something was fetched ahead of it.
func (ss *Streams) at(off, n int64) (s, lost *Stream) {
	at := len(ss.all)
	for i, s := range ss.all {
		if off >= s.next-streamSlack && off <= s.next+streamSlack && s.run > n || off == s.next {
			return s, nil
		}
		if at == len(ss.all) || s.used.Before(ss.all[at].used) {
			at = i
		}
	}
	if len(ss.all) < maxStreams {
		ss.all = append(ss.all, nil)
		at = len(ss.all) - 1
	} else if ss.all[at].told > 0 {
		lost = ss.all[at]
	}
	ss.all[at] = &Stream{next: off}
	return ss.all[at], lost
}
