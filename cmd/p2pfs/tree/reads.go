//go:build linux

package tree

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

// reading is an open file that is not all here. What is read of it is counted, and
// when it is closed there may be more of it here, which du shows.
type reading struct {
	p2fs.Content
	reads   *Reads
	path    string
	node    Node
	waiting atomic.Int64 // reads under way
}

// reading makes a reading of a content, until it is closed.
func (rs *Reads) reading(c p2fs.Content, path string, n Node) p2fs.Content {
	f := &reading{Content: c, reads: rs, path: path, node: n}
	rs.open(f)
	return f
}

func (c *reading) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	ctx, err := c.admit(ctx, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	n, err := c.Content.ReadAt(ctx, p, off)
	c.reads.bytes.Add(int64(n))
	if err != nil && n < len(p) && ctx.Err() == nil {
		c.reads.failed(c.path, err)
	}
	return n, err
}

// admit tells whether a process gets what is not here, and returns the context
// to read it under.
func (c *reading) admit(ctx context.Context, off, n int64) (context.Context, error) {
	if c.Present(off, n) {
		return ctx, nil
	}
	sparing, err := c.reads.scans.judge(p2fs.PID(ctx), c, off, n, p2fs.Ahead(ctx))
	if sparing {
		ctx = swarm.Sparing(ctx)
	}
	return ctx, err
}

// Lend is part of fs.Resident.
func (c *reading) Lend(off int64, n int) ([][]byte, func(), bool) {
	r, ok := c.Content.(p2fs.Resident)
	if !ok {
		return nil, nil, false
	}
	parts, release, ok := r.Lend(off, n)
	if ok {
		c.reads.bytes.Add(int64(n))
	}
	return parts, release, ok
}

// Present is part of fs.Partial.
func (c *reading) Present(off, n int64) bool {
	part, ok := c.Content.(p2fs.Partial)
	return ok && part.Present(off, n)
}

func (c *reading) Close() error {
	c.reads.closed(c)
	err := c.Content.Close()
	c.reads.changed(c.path, p2fs.ChangeAttr)
	return err
}

// Reads is the open files of a mount that are not all here, and the reads of them
// that failed.
type Reads struct {
	files   Files
	scans   *Scans
	changed func(path string, kind p2fs.ChangeKind)
	bytes   atomic.Int64 // that were read of them

	mu       sync.Mutex
	readings map[*reading]struct{} // guarded by mu
	errors   map[string]failure    // by path; guarded by mu
}

// failure is a read that failed.
type failure struct {
	err error
	at  time.Time
}

// maxReadErrors bounds what is remembered of reads that failed.
const maxReadErrors = 256

func newReads(cfg Config) *Reads {
	return &Reads{files: cfg.Files, scans: cfg.Scans, changed: cfg.Changed, readings: map[*reading]struct{}{}, errors: map[string]failure{}}
}

func (rs *Reads) open(c *reading) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.readings[c] = struct{}{}
}

func (rs *Reads) closed(c *reading) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.readings, c)
}

// failed notes why a read failed. The oldest makes room.
func (rs *Reads) failed(path string, err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if _, ok := rs.errors[path]; !ok && len(rs.errors) >= maxReadErrors {
		oldest := path
		for p, f := range rs.errors {
			if o, ok := rs.errors[oldest]; !ok || f.at.Before(o.at) {
				oldest = p
			}
		}
		delete(rs.errors, oldest)
	}
	rs.errors[path] = failure{err, time.Now()}
}

// lastFailure says why the last read of a file that failed did, "" if none.
func (rs *Reads) lastFailure(path string) string {
	rs.mu.Lock()
	f, ok := rs.errors[path]
	rs.mu.Unlock()
	if !ok {
		return ""
	}
	return fmt.Sprintf("; the last read that failed, at %s: %v", f.at.Local().Format(time.TimeOnly), f.err)
}

// underWay are the files of which reads are under way, each path once.
func (rs *Reads) underWay() []*reading {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	seen := map[string]*reading{}
	for c := range rs.readings {
		if c.waiting.Load() > 0 {
			seen[c.path] = c
		}
	}
	var out []*reading
	for _, c := range seen {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *reading) int { return strings.Compare(a.path, b.path) })
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

// Bytes is how many bytes were read of files that are not all here.
func (rs *Reads) Bytes() int64 { return rs.bytes.Load() }

// Fetched counts bytes of such files that were fetched without a read of the mount.
func (rs *Reads) Fetched(n int64) { rs.bytes.Add(n) }

// Waiting are the files that reads have waited for long. It blocks for tellWithin
// at most.
func (rs *Reads) Waiting(ctx context.Context) (out []control.Wait) {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	for _, c := range rs.underWay() {
		tor, file := rs.torrentIn(c.node)
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
func (rs *Reads) torrentIn(n Node) (*swarm.Torrent, int) {
	switch {
	case n.Torrent != nil:
		return n.Torrent.Torrent, n.Torrent.Index
	case n.Shared != nil:
		return rs.files.Torrent(n.Shared), 0
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
