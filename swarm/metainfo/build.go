package metainfo

import "p2pfs/swarm/bencode"

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

func (o Options) add(dict map[string]any) {
	if o.Private {
		dict["private"] = 1
	}
	if o.Source != "" {
		dict["source"] = o.Source
	}
}

// BuildV1 returns the info dictionary of a version 1 torrent of one file with
// exactly the keys length, name, piece length, pieces.
func BuildV1(name string, length, pieceLength int64, pieces []Hash) (*Info, error) {
	return BuildV1Options(name, length, pieceLength, pieces, Options{})
}

// BuildV1Options is BuildV1 with further keys.
func BuildV1Options(name string, length, pieceLength int64, pieces []Hash, opt Options) (*Info, error) {
	dict := map[string]any{
		"length":       length,
		"name":         name,
		"piece length": pieceLength,
		"pieces":       joinPieces(pieces),
	}
	opt.add(dict)
	return buildInfo(dict)
}

// BuildV2 returns the info dictionary of a version 2 torrent of one file with
// exactly the keys file tree, meta version, name, piece length: a pure
// function of its arguments. root is zero for an empty file, and only then.
func BuildV2(name string, length, pieceLength int64, root Hash256) (*Info, error) {
	return BuildV2Options(name, length, pieceLength, root, Options{})
}

// BuildV2Options is BuildV2 with further keys.
func BuildV2Options(name string, length, pieceLength int64, root Hash256, opt Options) (*Info, error) {
	file := map[string]any{"length": length}
	if !root.IsZero() {
		file["pieces root"] = root[:]
	}
	dict := map[string]any{
		"file tree":    map[string]any{name: map[string]any{"": file}},
		"meta version": 2,
		"name":         name,
		"piece length": pieceLength,
	}
	opt.add(dict)
	return buildInfo(dict)
}

// buildInfo writes a dictionary and reads it back, so that nothing is made
// here that would be refused.
func buildInfo(dict map[string]any) (*Info, error) {
	raw, err := bencode.Marshal(dict)
	if err != nil {
		return nil, err
	}
	return ParseInfo(raw)
}

func joinPieces(pieces []Hash) []byte {
	p := make([]byte, 0, 20*len(pieces))
	for i := range pieces {
		p = append(p, pieces[i][:]...)
	}
	return p
}
