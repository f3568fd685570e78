package metainfo

import (
	"crypto/sha1"
	"crypto/sha256"
)

// InfoHashV2 returns the infohash of the torrent that BuildV2 makes of a file
// that is not empty, in format 1's pieces, without making it: for whoever has to
// know those of very many files.
func InfoHashV2(name string, c Content) Hash256 {
	return sha256.Sum256(appendV2(nil, name, c.Size, PieceLength(c.Size), c.Root, Options{}))
}

// InfoHashes returns the infohashes of the torrents that BuildV1 and
// BuildV2 make of a file that is not empty, in format 1's pieces, without
// making them. They do not tell whether those would be refused.
func InfoHashes(name string, c Content, pieces []Hash, opt Options) (v1 Hash, v2 Hash256) {
	b := appendV1(nil, name, c.Size, PieceLength(c.Size), pieces, opt)
	v1 = sha1.Sum(b)
	return v1, sha256.Sum256(appendV2(b[:0], name, c.Size, PieceLength(c.Size), c.Root, opt))
}
