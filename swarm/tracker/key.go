package tracker

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// keys makes the keys of torrents (Request.Key): a secret, immutable.
type keys [32]byte

func newKeys() (k keys) {
	rand.Read(k[:])
	return k
}

// of returns the key of a torrent: the same as long as the secret lives, and
// telling nothing about other torrents' keys.
func (k keys) of(infoHash [20]byte) uint32 {
	sum := sha256.Sum256(append(k[:], infoHash[:]...))
	return binary.BigEndian.Uint32(sum[:])
}
