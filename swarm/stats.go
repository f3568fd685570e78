package swarm

// Stats is what a torrent is doing, some 100 ms old at most.
type Stats struct {
	Pieces, Have   int   // pieces; 0 until the metadata is known
	Length, Left   int64 // bytes
	Peers          int   // connected
	Known          int   // addresses
	Received, Sent int64 // payload bytes on the wire
	Down, Up       float64
	Wasted         int64  // payload bytes that were of no use: bad, twice, never asked for
	Waiting        int    // reads that wait
	Trouble        string // what a tracker that does not answer says
}

// counts are the sums that outlive connections.
type counts struct {
	received, sent int64
}

// Stats returns what the torrent is doing.
func (t *Torrent) Stats() Stats {
	if s := t.stats.Load(); s != nil {
		return *s
	}
	return Stats{}
}

func (l *loop) publishStats() {
	s := Stats{
		Peers: len(l.crowd.of), Known: l.find.book.Len(), Received: l.counts.received, Sent: l.counts.sent,
		Wasted: l.verify.wasted, Waiting: l.reads.Wants.Count(), Trouble: l.find.announce.trouble(),
	}
	for _, r := range l.crowd.of {
		s.Received += r.conn.Received()
		s.Sent += r.conn.Sent()
		s.Down += r.down.Rate
		s.Up += r.up.Rate()
	}
	if l.content != nil {
		s.Pieces, s.Have = l.picker.Pieces.Count(), l.picker.Pieces.Held()
		s.Length = l.info().Length()
		s.Left = l.fetch.left()
	}
	l.t.stats.Store(&s)
}
