// Package message is the codec of what members of a drive say to one another: the
// messages of the extension "p2pfs" (BEP 10), bencoded dictionaries with a "t" for
// the type. Keys are of one letter; others, and types that are not known, are of
// later versions and skipped.
//
// It does not know how messages travel, nor what follows from one. All is bounded:
// Decode refuses what is more than the constants here say, and keeps nothing of
// what it reads. Everything is a plain value.
package message

import (
	"errors"
	"net/netip"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
)

// Extension is the name under which messages are offered in the extended handshake
// (BEP 10).
const Extension = "p2pfs"

// Version is the version of the protocol that Hello tells.
const Version = 2

// Bounds on messages.
const (
	MaxBody      = 256 << 10 // of a message, bytes
	MaxVersions  = 2000      // of a Summary
	MaxHeads     = 64        // of a Heads
	MaxHashes    = 64        // of a Get or None
	MaxHolders   = 64        // of a Holds
	MaxAddresses = 32        // of a Peers
	MaxBits      = 128 << 10 // bitfields of a Holds, bytes
)

// ErrMalformed is what Decode's errors wrap.
var ErrMalformed = errors.New("malformed message")

// A Message encodes itself as the body of an extended message.
type Message interface{ Encode() []byte }

type (
	// Prove is the dialler's first message: his proof that he has the drive key,
	// which does not say who he is.
	Prove struct {
		Version int
		MAC     [32]byte
	}
	// Hello tells who its sender is. It is signed by the member key and proves
	// the drive key. Of version 1 there are the name, the port and the signature
	// only.
	Hello struct {
		Version int
		Key     catalog.Key
		Name    string
		Port    uint16 // its listen port; 0: does not listen
		Sig     [64]byte
		MAC     [32]byte
		Clock   int64 // the time, in seconds of Unix time
		Began   int64 // when this member's process began, in microseconds of Unix time
		Moved   bool  // its key was made on another machine
	}
	// Summary tells which heads its sender has.
	Summary struct {
		Versions []catalog.Version
		More     bool // another one follows
	}
	// Heads carries heads as BEP 44 items, one behind the other, and what its
	// sender says of each one's author.
	Heads struct {
		Heads []catalog.Head
		Told  []catalog.Told // may be empty: nothing
	}
	// Get asks for objects; each is answered by an Object or stands in a None.
	Get struct{ Hashes []catalog.Hash }
	// None tells which objects its sender does not have.
	None struct{ Hashes []catalog.Hash }
	// Object is one.
	Object struct{ Data []byte }
	// Who asks who has a file.
	Who struct{ File hashing.Content }
	// Holds answers Who, also when nobody is known.
	Holds struct {
		File    hashing.Content
		Holders []Holder
	}
	// Peers passes on members' listen addresses that the sender has verified.
	Peers struct{ Members []Address }
)

// Holder is a peer that has pieces of a file.
type Holder struct {
	Addr   netip.AddrPort // where it listens; zero in a Holds: its sender himself
	Member catalog.Key    // zero: no member that is known, or the sender
	Pieces Pieces
}

// Address is where a member listens.
type Address struct {
	Key  catalog.Key
	Addr netip.AddrPort
}

// Pieces tells which pieces of a file its holder has.
type Pieces struct {
	All  bool
	Bits []byte // else a bitfield as in BEP 3: piece 0 is the high bit of the first byte
}

// Any reports whether there is any piece at all.
func (p Pieces) Any() bool {
	for _, b := range p.Bits {
		if b != 0 {
			return true
		}
	}
	return p.All
}
