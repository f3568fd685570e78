package swarm

import (
	"fmt"

	"p2pfs/swarm/upload"
	"p2pfs/swarm/wire"
)

// moment is what the uploads are told of the torrent.
func (l *loop) moment() upload.Moment {
	return upload.Moment{Time: l.now, Seeding: l.content != nil && !l.hungry()}
}

// say sends what the uploads have to say.
func (l *loop) say(actions []upload.Action) {
	for _, a := range actions {
		l.remotes[a.Peer].conn.Send(a.Append)
	}
}

func (l *loop) onInterested(r *remote, on bool) error {
	r.busy, l.awake = l.now, l.now
	l.say(l.uploads.Interested(r.up, on, l.moment()))
	return nil
}

func (l *loop) onRequest(r *remote, b wire.Block) error {
	if l.content == nil {
		return l.refuse(r, b)
	}
	if !l.info().Pieces.CheckBlock(int64(b.Index), int64(b.Begin), int64(b.Length)) {
		return fmt.Errorf("request %+v: %w", b, errBlock)
	}
	r.busy, l.awake = l.now, l.now
	verdict, actions := l.uploads.Request(r.up, b, l.moment())
	switch verdict {
	case upload.Gone:
		l.closeRemote(r, "asks for a piece that is gone and cannot be told so")
	case upload.Overrun:
		if !r.hear(l.now, noiseUnit) {
			return errFlood
		}
		return l.refuse(r, b)
	case upload.Refused:
		return l.refuse(r, b)
	case upload.Taken:
		l.hearComplaint(r, b.Index, b.Length)
		l.say(actions)
	}
	return nil
}

// hearComplaint has the storage look at a piece again that a peer asks for once
// more. A storage that finds it bad tells of it as of any that it drops.
func (l *loop) hearComplaint(r *remote, piece, length int) {
	size := l.info().Pieces.Size(piece)
	s, ok := l.storage.(DoubtStorage)
	if !ok || !l.uploads.Complains(r.up, piece, length, size, l.now) {
		return
	}
	if !l.t.client.hash.answering.spend(r.group(), int64(size), l.now) {
		return // asking is free, reading and hashing a piece is not
	}
	t := l.t
	t.spawn(func() {
		t.client.hash.forPeer(t.done, func() {
			if err := s.Doubt(piece); err != nil {
				t.log.Warn("a peer asked for a piece again, and it was bad", "piece", piece, "err", err)
			}
		})
	})
}

// refuse rejects a request where that can be said (BEP 6). A peer that is
// refused thousands of times does not listen.
func (l *loop) refuse(r *remote, b wire.Block) error {
	if !r.hear(l.now, noiseUnit/2) {
		return errFlood
	}
	if r.hs.Fast() {
		r.conn.Send(func(dst []byte) []byte { return wire.AppendReject(dst, b) })
	}
	return nil
}

func (l *loop) onCancel(r *remote, b wire.Block) error {
	if l.uploads.Cancel(r.up, b) {
		return l.refuse(r, b)
	}
	return nil
}
