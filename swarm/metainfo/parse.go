package metainfo

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/names"
)

// rawInfo is an info dictionary whose values were found, not yet judged.
type rawInfo struct {
	size            int // of the dictionary, in bytes
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

// infoLimits allows for paths of names.MaxDepth below "file tree", and for a
// hybrid of MaxFiles files, which takes some twenty tokens a file.
var infoLimits = bencode.Limits{Bytes: MaxInfo, Tokens: 4 << 20, Depth: names.MaxDepth + 8}

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
	if err := r.checkVersions(); err != nil {
		return nil, err
	}
	c, err := r.layout()
	if err != nil {
		return nil, err
	}
	in := &Info{
		Raw: raw, Name: c.name, Single: c.single, PieceLength: r.pieceLength, Private: r.private == 1, Source: string(r.source),
		V1: r.v1(), V2: r.hasVersion, Files: c.files,
	}
	if in.Pieces, err = newPieces(in.PieceLength, in.Files, in.V1, in.V2, r.pieces); err != nil {
		return nil, err
	}
	if in.roots, err = newRoots(in.Files); err != nil {
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
	r := &rawInfo{size: len(raw)}
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

// v1 reports whether version 1 is described, once checkVersions has passed.
func (r *rawInfo) v1() bool { return r.hasPieces }

// checkVersions decides whether it is clear which versions are described,
// before anything else is looked at, as BEP 52 asks.
func (r *rawInfo) checkVersions() error {
	switch {
	case r.hasVersion && r.version != 2:
		return badInfo("meta version %d is not known", r.version)
	case r.hasVersion != (r.fileTree != nil):
		return badInfo("meta version and file tree need each other")
	case r.files != nil && r.hasLength:
		return badInfo("both files and length")
	}
	list := r.files != nil || r.hasLength
	if r.hasPieces != list || !r.hasPieces && !r.hasVersion {
		return badInfo("pieces and files need each other")
	}
	if r.pieceLength < 1 || r.pieceLength > MaxPieceLength {
		return badInfo("piece length %d", r.pieceLength)
	}
	if r.hasVersion && (r.pieceLength < hashing.BlockSize || r.pieceLength&(r.pieceLength-1) != 0) {
		return badInfo("piece length %d is not one of version 2", r.pieceLength)
	}
	return nil
}

// layout is what files a torrent has, as one of the versions describes it.
type layout struct {
	name   string
	single bool
	files  []File
}

func (r *rawInfo) layout() (c layout, err error) {
	name := r.name
	if r.nameUTF8 != nil {
		name = r.nameUTF8
	}
	if err := names.Check(name); err != nil {
		return c, badInfo("name: %w", err)
	}
	c.name = string(name)
	switch {
	case r.v1() && r.hasVersion:
		return r.hybridFiles(c.name)
	case r.hasVersion:
		return r.treeFiles(c.name)
	case r.files != nil:
		c.files, err = r.listFiles()
		return c, err
	}
	return r.oneFile(c.name)
}
