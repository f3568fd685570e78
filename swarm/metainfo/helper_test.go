package metainfo

import (
	"bytes"
	"context"
	"math/rand/v2"

	"p2pfs/swarm/hashing"
)

// testBytes returns n bytes that depend on seed only.
func testBytes(n int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// hashesOf returns what data hashes to in pieces of pl bytes.
func hashesOf(data []byte, pl int) hashing.FileHashes {
	cfg := hashing.Config{PieceLength: int64(pl), Length: int64(len(data))}
	h, err := hashing.File(context.Background(), bytes.NewReader(data), cfg, nil)
	if err != nil {
		panic(err)
	}
	return h
}
