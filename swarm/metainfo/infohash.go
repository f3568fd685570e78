package metainfo

import (
	"crypto/sha256"
	"strconv"
)

// InfoHashV2 returns the infohash of the torrent that BuildV2 makes of a file
// that is not empty, in format 1's pieces, without making it: for whoever has to
// know those of very many files.
func InfoHashV2(name string, c Content) Hash256 {
	b := make([]byte, 0, 256+2*len(name))
	text := func(s string) {
		b = strconv.AppendInt(b, int64(len(s)), 10)
		b = append(append(b, ':'), s...)
	}
	b = append(b, "d9:file treed"...)
	text(name)
	b = append(b, "d0:d6:lengthi"...)
	b = strconv.AppendInt(b, c.Size, 10)
	b = append(b, "e11:pieces root32:"...)
	b = append(b, c.Root[:]...)
	b = append(b, "eee12:meta versioni2e4:name"...)
	text(name)
	b = append(b, "12:piece lengthi"...)
	b = strconv.AppendInt(b, PieceLength(c.Size), 10)
	b = append(b, "ee"...)
	return sha256.Sum256(b)
}
