package metainfo

import (
	"slices"
	"strconv"

	"p2pfs/swarm/bencode"
)

// PieceLength returns the piece length in bytes for a shared file of this
// many bytes. The steps are part of what makes a file's infohash, and so are
// never changed.
func PieceLength(size int64) int64 {
	switch {
	case size <= 64<<20:
		return 64 << 10
	case size <= 512<<20:
		return 256 << 10
	case size <= 4<<30:
		return 1 << 20
	case size <= 2<<40:
		return 4 << 20
	}
	return 16 << 20
}

// Options are keys that change an info dictionary's infohash. The zero value
// leaves them out.
type Options struct {
	Private bool
	Source  string
}

// BuildV1 returns the info dictionary of a version 1 torrent of one file with
// exactly the keys length, name, piece length, pieces, and those of opt.
func BuildV1(name string, length, pieceLength int64, pieces []Hash, opt Options) (*Info, error) {
	return ParseInfo(appendV1(nil, name, length, pieceLength, pieces, opt))
}

func appendV1(b []byte, name string, length, pieceLength int64, pieces []Hash, opt Options) []byte {
	b = slices.Grow(b, 256+2*len(name)+len(opt.Source)+20*len(pieces))
	b = bencode.AppendInt(append(b, "d6:length"...), length)
	b = appendName(b, name, pieceLength)
	b = strconv.AppendInt(append(b, "6:pieces"...), int64(20*len(pieces)), 10)
	b = append(b, ':')
	for i := range pieces {
		b = append(b, pieces[i][:]...)
	}
	return opt.append(b)
}

// BuildV2 returns the info dictionary of a version 2 torrent of one file with
// exactly the keys file tree, meta version, name, piece length, and those of
// opt: a pure function of its arguments. root is zero for an empty file, and
// only then.
func BuildV2(name string, length, pieceLength int64, root Hash256, opt Options) (*Info, error) {
	return ParseInfo(appendV2(nil, name, length, pieceLength, root, opt))
}

func appendV2(b []byte, name string, length, pieceLength int64, root Hash256, opt Options) []byte {
	b = slices.Grow(b, 256+2*len(name)+len(opt.Source))
	b = bencode.AppendString(append(b, "d9:file treed"...), name)
	b = bencode.AppendInt(append(b, "d0:d6:length"...), length)
	if !root.IsZero() {
		b = bencode.AppendString(append(b, "11:pieces root"...), root[:])
	}
	b = appendName(append(b, "eee12:meta versioni2e"...), name, pieceLength)
	return opt.append(b)
}

func appendName(b []byte, name string, pieceLength int64) []byte {
	b = bencode.AppendString(append(b, "4:name"...), name)
	return bencode.AppendInt(append(b, "12:piece length"...), pieceLength)
}

// append appends the last keys of a dictionary, and its end.
func (o Options) append(b []byte) []byte {
	if o.Private {
		b = bencode.AppendInt(append(b, "7:private"...), 1)
	}
	if o.Source != "" {
		b = bencode.AppendString(append(b, "6:source"...), o.Source)
	}
	return append(b, 'e')
}
