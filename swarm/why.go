package swarm

import (
	"context"
	"fmt"
	"time"

	"p2pfs/swarm/reads"
)

// Wait is what the reads of a file wait for.
type Wait struct {
	Reads int       // that wait
	Piece int       // what the one waits for that has waited longest
	Since time.Time // when it began, or a block of that piece last came
	Why   string    // in a sentence
}

// Waits tells what reads of a file wait for; Reads is 0 when none does, or
// ctx ended before the torrent answered.
func (t *Torrent) Waits(ctx context.Context, file int) Wait {
	e := waitsEvent{file, make(chan Wait, 1)}
	select {
	case t.events <- e:
	case <-ctx.Done():
		return Wait{}
	case <-t.done:
		return Wait{}
	}
	select {
	case w := <-e.reply:
		return w
	case <-ctx.Done():
	case <-t.done:
	}
	return Wait{}
}

type waitsEvent struct {
	file  int
	reply chan Wait // has room for one
}

func (e waitsEvent) apply(l *loop) {
	var w Wait
	if l.content != nil && e.file >= 0 && e.file < len(l.info().Files) {
		first, n := l.info().Pieces.OfFile(e.file)
		w.Reads, w.Piece, w.Since = l.reads.Wants.Among(first, first+n)
	}
	if w.Reads > 0 {
		w.Why = fmt.Sprintf("waiting for piece %d: %s%s", w.Piece, l.causes.Why(l.scene(w.Piece)), l.trouble())
	}
	e.reply <- w
}

func (l *loop) trouble() string {
	if t := l.find.announce.trouble(); t != "" {
		return "; " + t
	}
	return ""
}

// scene is what there is to be seen while a read waits for a piece.
func (l *loop) scene(piece int) reads.Scene {
	s := reads.Scene{Known: l.find.book.Len(), Connected: len(l.remotes)}
	for _, r := range l.remotes {
		if r.pp.All || r.pp.Has != nil && r.pp.Has.Test(uint(piece)) {
			s.Have++
			if r.pp.Choked {
				s.Choking++
			}
		}
	}
	s.False = l.assembly.Suspects(piece)
	return s
}
