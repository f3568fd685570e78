//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
)

// coming is a file that is not all here. What is read of it is counted, and
// when it is closed there may be more of it here, which du shows.
type coming struct {
	p2fs.Content
	m       *member
	path    string
	node    node
	waiting atomic.Int64 // reads under way
}

// come makes a coming of a content, until it is closed.
func (m *member) come(c p2fs.Content, path string, n node) p2fs.Content {
	f := &coming{Content: c, m: m, path: path, node: n}
	m.comings.open(f)
	return f
}

func (c *coming) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	ctx, err := c.admit(ctx, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	n, err := c.Content.ReadAt(ctx, p, off)
	c.m.read.Add(int64(n))
	if err != nil && n < len(p) && ctx.Err() == nil {
		c.m.comings.failed(c.path, err)
	}
	return n, err
}

// admit tells whether a process gets what is not here, and returns the context
// to read it under.
func (c *coming) admit(ctx context.Context, off, n int64) (context.Context, error) {
	if c.Present(off, n) {
		return ctx, nil
	}
	sparing, err := c.m.scans.judge(p2fs.PID(ctx), c, off, n, p2fs.Ahead(ctx))
	if sparing {
		ctx = swarm.Sparing(ctx)
	}
	return ctx, err
}

// Lend is part of fs.Resident.
func (c *coming) Lend(off int64, n int) ([][]byte, func(), bool) {
	r, ok := c.Content.(p2fs.Resident)
	if !ok {
		return nil, nil, false
	}
	parts, release, ok := r.Lend(off, n)
	if ok {
		c.m.read.Add(int64(n))
	}
	return parts, release, ok
}

// Present is part of fs.Partial.
func (c *coming) Present(off, n int64) bool {
	part, ok := c.Content.(p2fs.Partial)
	return ok && part.Present(off, n)
}

func (c *coming) Close() error {
	c.m.comings.closed(c)
	err := c.Content.Close()
	c.m.changed(c.path, p2fs.ChangeAttr)
	return err
}

// comings is the files being read that are not all here, and the reads of them
// that failed. Safe for concurrent use.
type comings struct {
	mu     sync.Mutex
	files  map[*coming]struct{} // guarded by mu
	errors map[string]failure   // by path; guarded by mu
}

// failure is a read that failed.
type failure struct {
	err error
	at  time.Time
}

// maxReadErrors bounds what is remembered of reads that failed.
const maxReadErrors = 256

func newComings() *comings {
	return &comings{files: map[*coming]struct{}{}, errors: map[string]failure{}}
}

func (cs *comings) open(c *coming) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.files[c] = struct{}{}
}

func (cs *comings) closed(c *coming) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.files, c)
}

// failed notes why a read failed. The oldest makes room.
func (cs *comings) failed(path string, err error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if _, ok := cs.errors[path]; !ok && len(cs.errors) >= maxReadErrors {
		oldest := path
		for p, f := range cs.errors {
			if o, ok := cs.errors[oldest]; !ok || f.at.Before(o.at) {
				oldest = p
			}
		}
		delete(cs.errors, oldest)
	}
	cs.errors[path] = failure{err, time.Now()}
}

// lastFailure says why the last read of a file that failed did, "" if none.
func (cs *comings) lastFailure(path string) string {
	cs.mu.Lock()
	f, ok := cs.errors[path]
	cs.mu.Unlock()
	if !ok {
		return ""
	}
	return fmt.Sprintf("; the last read that failed, at %s: %v", f.at.Local().Format(time.TimeOnly), f.err)
}

// reading are the files of which reads are under way, each path once.
func (cs *comings) reading() []*coming {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	seen := map[string]*coming{}
	for c := range cs.files {
		if c.waiting.Load() > 0 {
			seen[c.path] = c
		}
	}
	var out []*coming
	for _, c := range seen {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *coming) int { return strings.Compare(a.path, b.path) })
	return out
}

const (
	// tellWithin bounds the wait for what a torrent tells of its reads.
	tellWithin = time.Second
	// maxWaiting is how many files status lists that reads wait for.
	maxWaiting = 20
	// waitsFor is how long a read waits before status lists it.
	waitsFor = time.Second
)

// waiting are the files that reads have waited for long.
func (m *member) waiting(ctx context.Context) (out []control.Wait) {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	for _, c := range m.comings.reading() {
		tor, file := m.torrentIn(c.node)
		if tor == nil {
			continue
		}
		w := tor.Waits(ctx, file)
		if w.Reads > 0 && time.Since(w.Since) > waitsFor {
			out = append(out, control.Wait{Path: c.path, Reads: int64(w.Reads), Since: w.Since, Why: w.Why})
		}
		if len(out) == maxWaiting {
			break
		}
	}
	return out
}

// torrentIn is the torrent that a file is read from just now, and the file's
// number in it; nil if there is none.
func (m *member) torrentIn(n node) (*swarm.Torrent, int) {
	switch {
	case n.torrent != nil:
		return n.torrent.torrent, n.torrent.index
	case n.entry != nil:
		return m.torrentOf(n.entry), 0
	}
	return nil, 0
}

// stateOf says in a sentence what the reads of a file wait for, and since when,
// or how far its torrent is.
func stateOf(ctx context.Context, t *swarm.Torrent, file int) string {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	w := t.Waits(ctx, file)
	s := t.Stats()
	switch {
	case t.Err() != nil:
		return t.Err().Error()
	case w.Reads > 0:
		return control.Wait{Reads: int64(w.Reads), Since: w.Since, Why: w.Why}.String()
	}
	return fmt.Sprintf("%d of %d pieces here; %s connected", s.Have, s.Pieces, human.Count(int64(s.Peers), "peer"))
}
