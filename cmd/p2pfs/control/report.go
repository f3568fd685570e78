//go:build linux

package control

import "sync"

// What can be done to the pieces of paths in a mount.
const (
	Pin      = "pin"
	Unpin    = "unpin"
	Pins     = "pins" // list them
	Prefetch = "prefetch"
	Evict    = "evict"
	Verify   = "verify"
)

// Report is what was done so far, or in the end. Sizes are bytes.
type Report struct {
	Files   int64    `json:"files"`             // dealt with, but for own ones
	Own     int64    `json:"own,omitempty"`     // of the share directory: left alone
	Bytes   int64    `json:"bytes"`             // of the files, or of what is verified
	Done    int64    `json:"done"`              // of Bytes
	Fetched int64    `json:"fetched,omitempty"` // of Done
	Pieces  int64    `json:"pieces,omitempty"`  // verified
	Evicted int64    `json:"evicted,omitempty"`
	Pinned  int64    `json:"pinned,omitempty"`  // not evicted because pinned
	Bad     int64    `json:"bad,omitempty"`     // pieces that were dropped
	Changed int64    `json:"changed,omitempty"` // own files that are not what was published
	Paths   []string `json:"paths,omitempty"`   // pinned ones, or those with bad pieces, or changed
	End     bool     `json:"end,omitempty"`     // nothing follows
	Error   string   `json:"error,omitempty"`
}

// Tally is a Report that grows. Safe for concurrent use.
type Tally struct {
	mu sync.Mutex
	r  Report
}

func (t *Tally) Add(f func(r *Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.r)
}

func (t *Tally) Report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.r
}
