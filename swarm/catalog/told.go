package catalog

import (
	"net/netip"
	"time"
)

// Told is what the sender of a head says of its author, and who the sender is.
// The zero value: nothing, and nobody who is known.
type Told struct {
	Age  time.Duration // since the author was last connected to anybody
	Met  bool          // the author was connected to the sender himself, once
	From netip.Prefix  // the sender's address group
}

// Version is an author, the highest sequence number known of him, and how long
// ago he was connected to anybody, as far as is known.
type Version struct {
	Key Key
	Seq int64
	Age time.Duration
}

// Progress says what an object was good for.
type Progress struct {
	Hash    Hash
	New     bool   // it was needed and is here now
	Missing []Hash // what has become needed by it, and was not before
}
