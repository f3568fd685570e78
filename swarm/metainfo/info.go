package metainfo

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
)

// Hash is a SHA-1: an infohash as the wire carries it, or a version 1 piece.
type Hash = hashing.Hash

// Hash256 is a SHA-256: a version 2 infohash, or a node of a merkle tree.
type Hash256 = hashing.Hash256

// Limits of what is accepted, in files that are read and in those made here.
const (
	MaxPieceLength = hashing.MaxPieceLength // bytes

	MaxPieces = 1 << 20  // in a torrent
	MaxFiles  = 100_000  // in a torrent, pad files too
	MaxDepth  = 64       // components of a path
	MaxName   = 255      // bytes of a component
	MaxPath   = 4095     // bytes of a path with its slashes
	MaxInfo   = 16 << 20 // bytes of an info dictionary and of a .torrent
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

	pieces    []byte  // version 1: 20 bytes each, part of Raw
	numPieces int     // in piece space
	end       int64   // of the last file in piece space
	byRoot    []int32 // indexes of files with a Root, ordered by it
}

// rawInfo is an info dictionary whose values were found, not yet judged.
type rawInfo struct {
	name, nameUTF8  []byte
	pieceLength     int64
	pieces, attr    []byte
	source          []byte
	private         int64
	length          int64
	version         int64
	hasPieces       bool
	hasLength       bool
	hasVersion      bool
	files, fileTree []byte // values as they stand; nil where the key is absent
}

// infoLimits allows for paths of MaxDepth below "file tree", and for a
// hybrid of MaxFiles files, which takes some twenty tokens a file.
var infoLimits = bencode.Limits{Bytes: MaxInfo, Tokens: 4 << 20, Depth: MaxDepth + 8}

// ParseInfo reads the raw bytes of an info dictionary, which it copies. It
// refuses, with an error that wraps ErrInfo or a *bencode.SyntaxError,
// whatever is not canonical, contradicts itself, or could name anything
// outside the torrent. It takes at most about six times len(raw) plus 1 MiB of
// memory besides the copy.
func ParseInfo(raw []byte) (*Info, error) {
	if err := bencode.Check(raw, infoLimits); err != nil {
		return nil, err
	}
	return parseChecked(bytes.Clone(raw))
}

// parseChecked is ParseInfo for bytes that have passed bencode.Check and
// belong to the Info from now on.
func parseChecked(raw []byte) (*Info, error) {
	r, err := findKeys(raw)
	if err != nil {
		return nil, err
	}
	in := &Info{Raw: raw, PieceLength: r.pieceLength, Private: r.private == 1, Source: string(r.source)}
	if err := in.setVersion(r); err != nil {
		return nil, err
	}
	if err := in.setName(r); err != nil {
		return nil, err
	}
	if err := in.setFiles(r); err != nil {
		return nil, err
	}
	if err := in.setPieces(r); err != nil {
		return nil, err
	}
	if in.V1 {
		in.HashV1 = sha1.Sum(raw)
	}
	if in.V2 {
		in.HashV2 = sha256.Sum256(raw)
	}
	return in, nil
}

func findKeys(raw []byte) (*rawInfo, error) {
	r := &rawInfo{}
	c := bencode.Walk(raw)
	err := c.Dict(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			r.name, err = c.Bytes()
		case "name.utf-8":
			r.nameUTF8, err = c.Bytes()
		case "piece length":
			r.pieceLength, err = c.Int()
		case "pieces":
			r.hasPieces = true
			r.pieces, err = c.Bytes()
		case "attr":
			r.attr, err = c.Bytes()
		case "source":
			if c.Kind() == bencode.String { // a hint at most: nothing depends on it
				r.source, err = c.Bytes()
			}
		case "private":
			r.private, err = c.Int()
		case "length":
			r.hasLength = true
			r.length, err = c.Int()
		case "meta version":
			r.hasVersion = true
			r.version, err = c.Int()
		case "files":
			r.files = c.Raw()
		case "file tree":
			r.fileTree = c.Raw()
		}
		if err != nil {
			return badInfo("%q: %w", key, err)
		}
		return nil
	})
	return r, err
}

// setVersion decides which versions are described, before anything else is
// looked at, as BEP 52 asks.
func (in *Info) setVersion(r *rawInfo) error {
	switch {
	case r.hasVersion && r.version != 2:
		return badInfo("meta version %d is not known", r.version)
	case r.hasVersion != (r.fileTree != nil):
		return badInfo("meta version and file tree need each other")
	case r.files != nil && r.hasLength:
		return badInfo("both files and length")
	}
	list := r.files != nil || r.hasLength
	in.V2 = r.hasVersion
	in.V1 = r.hasPieces && list
	if r.hasPieces != list || !in.V1 && !in.V2 {
		return badInfo("pieces and files need each other")
	}
	if r.pieceLength < 1 || r.pieceLength > MaxPieceLength {
		return badInfo("piece length %d", r.pieceLength)
	}
	if in.V2 && (r.pieceLength < hashing.BlockSize || r.pieceLength&(r.pieceLength-1) != 0) {
		return badInfo("piece length %d is not one of version 2", r.pieceLength)
	}
	return nil
}

func (in *Info) setName(r *rawInfo) error {
	name := r.name
	if r.nameUTF8 != nil {
		name = r.nameUTF8
	}
	if err := checkName(name); err != nil {
		return badInfo("name: %w", err)
	}
	in.Name = string(name)
	return nil
}

func (in *Info) setFiles(r *rawInfo) error {
	switch {
	case in.V1 && in.V2:
		return in.hybridFiles(r)
	case in.V2:
		return in.treeFiles(r)
	case r.files != nil:
		return in.listFiles(r)
	}
	return in.oneFile(r)
}

// setPieces sets what follows from Files, and checks the number of pieces.
func (in *Info) setPieces(r *rawInfo) error {
	if n := len(in.Files); n > 0 {
		in.end = in.Files[n-1].Offset + in.Files[n-1].Length
	}
	n := ceilDiv(in.end, in.PieceLength)
	if n > MaxPieces {
		return badInfo("%d pieces, more than %d", n, MaxPieces)
	}
	in.numPieces = int(n)
	if in.V1 && int64(len(r.pieces)) != 20*n {
		return badInfo("pieces: %d bytes for %d pieces", len(r.pieces), n)
	}
	in.pieces = r.pieces
	return in.indexRoots()
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
