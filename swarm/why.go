package swarm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"p2pfs/swarm/book"
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
	w := Wait{Reads: len(l.readers.early)}
	if l.content == nil {
		if w.Reads > 0 {
			w.Since = l.readers.early[0].since
			w.Why = "waiting for the torrent's metadata: " + l.noPeer() + l.trouble()
		}
		e.reply <- w
		return
	}
	if e.file < 0 || e.file >= len(l.info().Files) {
		e.reply <- Wait{}
		return
	}
	first, n := l.info().Pieces.OfFile(e.file)
	for piece, ws := range l.readers.wants {
		if piece < first || piece >= first+n {
			continue
		}
		since := l.readers.progress[piece]
		if w.Reads == 0 || since.Before(w.Since) {
			w.Piece, w.Since = piece, since
		}
		w.Reads += len(ws)
	}
	if w.Reads > 0 {
		w.Why = fmt.Sprintf("waiting for piece %d: %s", w.Piece, l.why(w.Piece))
	}
	e.reply <- w
}

// causes is what explains why nothing comes. Owned by the loop.
type causes struct {
	false  map[netip.AddrPort]time.Time // who sent what did not verify, and when
	dialed netip.AddrPort               // who could not be reached last
	dial   string                       // and why; "" if there was none
	said   map[string]bool              // what the log was told
}

// lied notes a peer whose bytes did not verify.
func (c *causes) lied(who netip.AddrPort, now time.Time) {
	if c.false == nil {
		c.false = map[netip.AddrPort]time.Time{}
	}
	for a, at := range c.false {
		if now.Sub(at) > book.BanTime {
			delete(c.false, a)
		}
	}
	c.false[who] = now
}

// unreached notes a peer that could not be reached.
func (c *causes) unreached(who netip.AddrPort, err error) {
	c.dialed, c.dial = who, err.Error()
	if no := syscall.Errno(0); errors.As(err, &no) {
		c.dial = no.Error()
	}
}

// maxSaid bounds what the log is told in one run.
const maxSaid = 32

// news reports whether the log was not yet told of a cause.
func (c *causes) news(cause string) bool {
	if c.said[cause] || len(c.said) >= maxSaid {
		return false
	}
	if c.said == nil {
		c.said = map[string]bool{}
	}
	c.said[cause] = true
	return true
}

// why says in a sentence what a read of the piece waits for.
func (l *loop) why(piece int) string { return l.cause(piece) + l.trouble() }

func (l *loop) trouble() string {
	if t := l.announce.trouble(); t != "" {
		return "; " + t
	}
	return ""
}

func (l *loop) cause(piece int) string {
	if len(l.remotes) == 0 {
		return l.noPeer()
	}
	have, choking := 0, 0
	for _, r := range l.remotes {
		if r.pp.All || r.pp.Has != nil && r.pp.Has.Test(uint(piece)) {
			have++
			if r.pp.Choked {
				choking++
			}
		}
	}
	lied := ""
	if n := len(l.causes.false); n > 0 {
		lied = fmt.Sprintf("; hash mismatch from %s before", peers(n))
	}
	switch c := l.pieces.bad[piece]; {
	case have == 0:
		return fmt.Sprintf("no peer has it (%d connected)%s", len(l.remotes), lied)
	case choking == have:
		return peers(have) + " with it, all choking" + lied
	case c != nil:
		return fmt.Sprintf("hash mismatch in what %s sent; asking again", peers(len(c.senders())))
	}
	return peers(have) + " with it, nothing sent yet" + lied
}

// noPeer says why nobody is connected.
func (l *loop) noPeer() string {
	switch n, c := len(l.causes.false), &l.causes; {
	case len(l.remotes) > 0:
		return peers(len(l.remotes)) + " connected"
	case n > 0:
		return fmt.Sprintf("hash mismatch from %d of %s", n, peers(n))
	case c.dial != "":
		return fmt.Sprintf("no peer connected (%d known; %v: %s)", l.book.Len(), c.dialed, c.dial)
	}
	return fmt.Sprintf("no peer connected (%d known)", l.book.Len())
}

func peers(n int) string {
	if n == 1 {
		return "1 peer"
	}
	return fmt.Sprintf("%d peers", n)
}

// senders are those who sent some of a piece that did not verify.
func (c *culprits) senders() map[int]bool {
	out := map[int]bool{}
	for _, id := range c.from {
		out[id] = true
	}
	return out
}
