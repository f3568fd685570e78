package metainfo

import (
	"crypto/sha256"

	"p2pfs/swarm/bencode"
)

// InfoHashV2 returns the infohash of the torrent that BuildV2 makes of a file
// that is not empty, in format 1's pieces, without making it: for whoever has to
// know those of very many files.
func InfoHashV2(name string, c Content) Hash256 {
	b := make([]byte, 0, 256+2*len(name))
	b = append(b, "d9:file treed"...)
	b = bencode.AppendString(b, name)
	b = bencode.AppendInt(append(b, "d0:d6:length"...), c.Size)
	b = bencode.AppendString(append(b, "11:pieces root"...), c.Root[:])
	b = bencode.AppendString(append(b, "eee12:meta versioni2e4:name"...), name)
	b = bencode.AppendInt(append(b, "12:piece length"...), PieceLength(c.Size))
	return sha256.Sum256(append(b, 'e'))
}
