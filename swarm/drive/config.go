package drive

import (
	"context"
	"log/slog"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
)

// Config is what a Drive needs. Callbacks must be safe for concurrent use and
// must not call Close; nil ones are not called.
type Config struct {
	Key      Key
	Identity *catalog.Identity
	Name     string         // our display name: see catalog.CheckMemberName
	Store    *catalog.Store // of this drive's rendezvous; stays the caller's to close
	Trusted  []catalog.Key
	Client   Client         // through which members are found and connected
	Finding  gather.Finding // of members
	Limits   catalog.Limits
	MaxConns int   // default 40, of which 10 are for those whom we dial
	Hides    Hides // nil: nobody
	// Moved says that the identity's key was made on another machine: of two
	// processes that have one key the one that moved is to make a new one.
	Moved bool
	Now   func() time.Time // the wall clock; nil: time.Now

	// OnView is told of the changes of the namespace, in order, of several at
	// once where they come faster than it returns. It may block.
	OnView func(now, before *catalog.View)
	// OnCopy is told that another running process has our member key. It may
	// block.
	OnCopy func(Copy)
	// Holders returns who is known to have pieces of a file, ourselves with a
	// zero Addr; up to 4 others are told of. Other members wait for it: it must
	// answer from memory.
	Holders func(file hashing.Content) []Holder
	// Object returns a tiny file by its SHA-256, to be sent to other members of
	// the drive. A connection's reader waits for it.
	Object func(hash catalog.Hash) ([]byte, bool)
	// Upload waits until n bytes of payload may be sent, and counts them; its error
	// is that of ctx. Objects pass it.
	Upload func(ctx context.Context, n int) error

	// Guard keeps a panic over what members send, or in a callback, to the
	// connection or event that set it off; nil makes one that logs to Log.
	Guard *guard.Guard
	Log   *slog.Logger // nil: silent
}

// A Client joins swarms: swarm.Client.
type Client interface {
	Join(gather.Config) *gather.Gathering
}

// What members say of files.
type (
	Holder = message.Holder
	Pieces = message.Pieces
)
