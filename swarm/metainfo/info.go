package metainfo

import (
	"errors"
	"fmt"

	"p2pfs/swarm/hashing"
)

// Hash is a SHA-1: an infohash as the wire carries it, or a version 1 piece.
type Hash = hashing.Hash

// Hash256 is a SHA-256: a version 2 infohash, or a node of a merkle tree.
type Hash256 = hashing.Hash256

// Limits of what is accepted, in files that are read and in those made here.
const (
	MaxPieceLength = hashing.MaxPieceLength // bytes
	MaxPieces      = hashing.MaxPieces      // in a torrent
	MaxFiles       = 100_000                // in a torrent, pad files too
	MaxInfo        = 16 << 20               // bytes of an info dictionary and of a .torrent
)

// ErrInfo is the cause of every refusal of an info dictionary by ParseInfo
// and the Build functions; the text says what is wrong.
var ErrInfo = errors.New("bad info dictionary")

func badInfo(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInfo}, args...)...)
}

// File is one file of a torrent, or a pad file.
type File struct {
	// Path is the file's place under the torrent's root; for a torrent of a
	// single file it is the name alone. It is nil for pad files.
	Path   []string
	Length int64   // bytes
	Offset int64   // of its first byte in piece space
	Root   Hash256 // version 2 pieces root; zero for version 1, and for empty files
	Pad    bool    // holds zeros in piece space, is shown to nobody (BEP 47)
	Exec   bool    // attribute x
	// Symlink is the target, from the torrent's root, of a file with
	// attribute l; it never leaves the torrent but may lead nowhere.
	Symlink []string
}

// Info is an info dictionary: what a torrent is, and what its infohash names.
// It is immutable after ParseInfo; callers must not change what it refers to.
type Info struct {
	Raw         []byte // as it stands, which is what the infohashes are of
	Name        string // of the file, or of the directory that holds Files
	Single      bool   // one file and no directory around it
	PieceLength int64  // bytes
	Private     bool   // peers come from the torrent's own trackers only (BEP 27)
	Source      string // makes the infohash of a copy another one; means nothing
	V1, V2      bool   // the versions described; hybrid: both
	HashV1      Hash   // zero where V1 is false
	HashV2      Hash256
	Files       []File // in the order of piece space, pad files too
	Pieces      Pieces

	roots roots
}

// InfoHashes returns the infohashes that a handshake for this torrent may
// carry: version 1, then version 2 cut to 20 bytes.
func (in *Info) InfoHashes() []Hash {
	var h []Hash
	if in.V1 {
		h = append(h, in.HashV1)
	}
	if in.V2 {
		h = append(h, in.HashV2.Short())
	}
	return h
}

// Length returns the sum of the files' lengths, without pad files, in bytes.
func (in *Info) Length() int64 {
	var n int64
	for i := range in.Files {
		if !in.Files[i].Pad {
			n += in.Files[i].Length
		}
	}
	return n
}
