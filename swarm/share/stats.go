package share

import (
	"p2pfs/swarm/share/hasher"
	"p2pfs/swarm/share/published"
)

// Stats says what a Share has and does.
type Stats struct {
	published.Counts     // what Files lists
	Ignored          int // names left out as temporary, or by an ignore file; a directory counts once
	Skipped          int // names that cannot be published: links that leave, sockets, unreadable files …
	Waiting          int // changed files that are still written to, or change too often
	Queued           int // files to be hashed, those in Hashing too
	Hashed           int // files read to the end since Open
	Unwatched        int // directories without a watch: changes in them are found by a rescan
	Scanned          bool
	Hashing          []Progress
}

// Progress is a file being hashed.
type Progress = hasher.Progress

// counts is the loop's part of Stats. Immutable once it is stored.
type counts struct {
	ignored, skipped, waiting, queued int
	hashed, unwatched                 int
	scanned                           bool
}

// Stats returns a snapshot.
func (s *Share) Stats() Stats {
	c := s.counts.Load()
	return Stats{
		Counts:  s.set.Count(),
		Ignored: c.ignored, Skipped: c.skipped, Waiting: c.waiting, Queued: c.queued,
		Hashed: c.hashed, Unwatched: c.unwatched, Scanned: c.scanned,
		Hashing: s.pool.Progress(),
	}
}
