package drive

import (
	"context"
	"log/slog"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
)

// Config is what a Drive needs. What it calls must be safe for concurrent use and
// must not call Close.
type Config struct {
	Key      Key
	Identity *catalog.Identity
	Name     string       // our display name: see catalog.CheckMemberName
	Store    *store.Store // of this drive's rendezvous; stays the caller's to close
	Trusted  []catalog.Key
	Client   Client         // through which members are found and connected
	Finding  gather.Finding // of members
	Limits   state.Limits
	MaxConns int   // default 40, of which 10 are for those whom we dial
	Hides    Hides // nil: nobody
	// Moved says that the identity's key was made on another machine: of two
	// processes that have one key the one that moved is to make a new one.
	Moved bool
	Now   func() time.Time // the wall clock; nil: time.Now

	Files    Files    // what we have; nil: nothing
	Observer Observer // nil: nobody

	// Guard keeps a panic over what members send, or in a callback, to the
	// connection or event that set it off; nil makes one that logs to Log.
	Guard *guard.Guard
	Log   *slog.Logger // nil: silent
}

// A Client joins swarms: swarm.Client.
type Client interface {
	Join(gather.Config) *gather.Gathering
	// Upload waits until n bytes of payload may be sent, and counts them; its error
	// is that of ctx. Objects pass it.
	Upload(ctx context.Context, n int) error
}

// Files is what this machine has, of which others are told and sent.
type Files interface {
	// Holders returns who is known to have pieces of a file, ourselves with a
	// zero Addr; up to 4 others are told of. Other members wait for it: it must
	// answer from memory.
	Holders(file hashing.Content) []Holder
	// Object returns a tiny file by its SHA-256, to be sent to other members of
	// the drive. A goroutine of the connection waits for it.
	Object(hash catalog.Hash) ([]byte, bool)
}

// Observer is told what happens. Its methods may block.
type Observer interface {
	// OnView is told of the changes of the namespace, in order, of several at
	// once where they come faster than it returns.
	OnView(now, before *union.View)
	// OnCopy is told that another running process has our member key.
	OnCopy(Copy)
}

// none is Files and Observer where there are none.
type none struct{}

func (none) Holders(hashing.Content) []Holder   { return nil }
func (none) Object(catalog.Hash) ([]byte, bool) { return nil, false }
func (none) OnView(_, _ *union.View)            {}
func (none) OnCopy(Copy)                        {}

// What members say of files.
type (
	Holder = message.Holder
	Pieces = message.Pieces
)
