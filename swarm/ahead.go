package swarm

import "time"

const (
	// maxStreams is how many places of a file one Reader is followed at.
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

// stream is a place in the file that is read on from.
type stream struct {
	next   int64 // where the next read is expected
	run    int64 // bytes read in order so far
	told   int64 // end of what the loop was told to fetch; 0: nothing
	used   time.Time
	back   time.Time // when a read was last answered
	took   float64   // bytes that were asked for of late, and
	pauses float64   // the seconds between an answer and the next read
}

// window is how many bytes ahead of the next read are to be fetched: more the
// longer the run, and no more than the reader takes in aheadTime by itself,
// the time left out that it waited for us.
func (s *stream) window(n int64) int64 {
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
func (s *stream) reads(off, n int64, now time.Time) {
	if !s.back.IsZero() {
		s.took = s.took*paceDecay + float64(n)
		s.pauses = s.pauses*paceDecay + max(0, now.Sub(s.back).Seconds())
	}
	s.next, s.used = off+n, now
	s.run += n
}

// follow notes a read. When the window ahead of it moved by a piece, or by a
// good part of itself, or another was given up, it returns what the loop is to
// be told, else nil.
func (r *Reader) follow(c *content, off, n, length int64) (*stream, event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, lost := r.stream(off, n)
	s.reads(off, n, time.Now())
	window := s.window(n)
	end := min(s.next+window, length)
	switch {
	case window > 0 && end > s.told && (end-s.told >= min(c.info().PieceLength, window/4) || end == length):
		s.told = end
		return s, aheadEvent{reader: r, stream: s, from: s.next, end: end}
	case lost != nil:
		return s, aheadEvent{reader: r, stream: lost}
	}
	return s, nil
}

// answered notes that a read was answered.
func (r *Reader) answered(s *stream) {
	r.mu.Lock()
	s.back = time.Now()
	r.mu.Unlock()
}

// stream finds the place that a read goes on from, or begins one; lost is one
// that was given up for it while something was fetched ahead of it.
func (r *Reader) stream(off, n int64) (s, lost *stream) {
	at := len(r.streams)
	for i, s := range r.streams {
		if off >= s.next-streamSlack && off <= s.next+streamSlack && s.run > n || off == s.next {
			return s, nil
		}
		if at == len(r.streams) || s.used.Before(r.streams[at].used) {
			at = i
		}
	}
	if len(r.streams) < maxStreams {
		r.streams = append(r.streams, nil)
		at = len(r.streams) - 1
	} else if r.streams[at].told > 0 {
		lost = r.streams[at]
	}
	r.streams[at] = &stream{next: off}
	return r.streams[at], lost
}
