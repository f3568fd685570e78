package swarm

import (
	"fmt"
	"time"

	"p2pfs/swarm/upload"
	"p2pfs/swarm/wire"
)

// serving answers what peers ask of our pieces. Owned by the loop.
type serving struct {
	uploads *upload.Uploads
	content *content // nil: we have none yet; its layers may be old
	t       *Torrent
	crowd   *crowd
}

// say sends what the uploads have to say.
func (s *serving) say(actions []upload.Action) {
	for _, a := range actions {
		s.crowd.of[a.Peer].conn.Send(a.Append)
	}
}

// interested takes in whether a peer wants of us.
func (s *serving) interested(r *remote, on bool, m upload.Moment) {
	s.crowd.serves(r, m.Time)
	s.say(s.uploads.Interested(r.up, on, m))
}

// request takes in, or refuses, a request for a block. An error closes the peer.
func (s *serving) request(r *remote, b wire.Block, m upload.Moment) error {
	if s.content == nil {
		return s.refuse(r, b, m.Time)
	}
	if !s.content.info().Pieces.CheckBlock(int64(b.Index), int64(b.Begin), int64(b.Length)) {
		return fmt.Errorf("request %+v: %w", b, errBlock)
	}
	s.crowd.serves(r, m.Time)
	verdict, actions := s.uploads.Request(r.up, b, m)
	switch verdict {
	case upload.Gone:
		s.crowd.close(r, "asks for a piece that is gone and cannot be told so")
	case upload.Overrun:
		if !r.hear(m.Time, noiseUnit) {
			return errFlood
		}
		return s.refuse(r, b, m.Time)
	case upload.Refused:
		return s.refuse(r, b, m.Time)
	case upload.Taken:
		s.hearComplaint(r, b.Index, b.Length, m.Time)
		s.say(actions)
	}
	return nil
}

// cancel takes a request back, which is answered with a reject (BEP 6).
func (s *serving) cancel(r *remote, b wire.Block, now time.Time) error {
	if s.uploads.Cancel(r.up, b) {
		return s.refuse(r, b, now)
	}
	return nil
}

// hearComplaint has the storage look at a piece again that a peer asks for once
// more. A storage that finds it bad tells of it as of any that it drops.
func (s *serving) hearComplaint(r *remote, piece, length int, now time.Time) {
	size := s.content.info().Pieces.Size(piece)
	storage, ok := s.content.storage.(DoubtStorage)
	if !ok || !s.uploads.Complains(r.up, piece, length, size, now) {
		return
	}
	t := s.t
	if !t.client.hash.answering.spend(r.group(), int64(size), now) {
		return // asking is free, reading and hashing a piece is not
	}
	t.spawn(func() {
		t.client.hash.forPeer(t.done, func() {
			if err := storage.Doubt(piece); err != nil {
				t.log.Warn("a peer asked for a piece again, and it was bad", "piece", piece, "err", err)
			}
		})
	})
}

// refuse rejects a request where that can be said (BEP 6). A peer that is
// refused thousands of times does not listen.
func (s *serving) refuse(r *remote, b wire.Block, now time.Time) error {
	if !r.hear(now, noiseUnit/2) {
		return errFlood
	}
	if r.hs.Fast() {
		r.conn.Send(func(dst []byte) []byte { return wire.AppendReject(dst, b) })
	}
	return nil
}
