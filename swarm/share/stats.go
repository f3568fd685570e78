package share

import (
	"io/fs"
	"sync"
)

// Stats says what a Share has and does.
type Stats struct {
	Published     // what Files lists
	Ignored   int // names left out as temporary, or by an ignore file; a directory counts once
	Skipped   int // names that cannot be published: links that leave, sockets, unreadable files …
	Waiting   int // changed files that are still written to, or change too often
	Queued    int // files to be hashed, those in Hashing too
	Hashed    int // files read to the end since Open
	Unwatched int // directories without a watch: changes in them are found by a rescan
	Scanned   bool
	Hashing   []Progress
}

// Progress is a file being hashed.
type Progress struct {
	Path       string
	Done, Size int64 // bytes
}

// counts is the loop's part of Stats. Immutable once it is stored.
type counts struct {
	published                         Published
	ignored, skipped, waiting, queued int
	hashed, unwatched                 int
	scanned                           bool
}

// Stats returns a snapshot.
func (s *Share) Stats() Stats {
	c := s.counts.Load()
	st := Stats{
		Published: c.published,
		Ignored:   c.ignored, Skipped: c.skipped, Waiting: c.waiting, Queued: c.queued,
		Hashed: c.hashed, Unwatched: c.unwatched, Scanned: c.scanned,
	}
	for _, slot := range s.hashers.working {
		if j := slot.Load(); j != nil {
			st.Hashing = append(st.Hashing, Progress{Path: j.path, Done: j.done.Load(), Size: j.id.size})
		}
	}
	return st
}

// pokes collects entries that a reader found wrong, so that no reader waits
// for the loop.
type pokes struct {
	mu      sync.Mutex
	entries map[*entry]poke
	wake    chan struct{} // room for one
}

// poke says how much of what is known of a file is in doubt.
type poke uint8

const (
	pokeLook  poke = iota // it is said to have changed
	pokeEntry             // it cannot be read: published only after it was
	pokeHash              // its hashes are wrong, or lost
)

func newPokes() *pokes {
	return &pokes{entries: map[*entry]poke{}, wake: make(chan struct{}, 1)}
}

// poke has the file of an entry looked at again.
func (s *Share) poke(e *entry, how poke) {
	p := s.pokes
	p.mu.Lock()
	p.entries[e] = max(p.entries[e], how)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take returns what was collected.
func (p *pokes) take() map[*entry]poke {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := p.entries
	p.entries = map[*entry]poke{}
	return entries
}

// hashesOf returns the hashes of a published file. The error is ErrChanged if
// those on record are not what was published, which is out of date then; or
// fs.ErrNotExist if they were lost, and are made again.
func (s *Share) hashesOf(e *entry) (*hashes, error) {
	switch h := s.store.hashes(e.id); {
	case h == nil:
		s.poke(e, pokeHash)
		return nil, &fs.PathError{Op: "hashes", Path: e.Path, Err: fs.ErrNotExist}
	case h.root != e.Root:
		return nil, ErrChanged
	default:
		return h, nil
	}
}
