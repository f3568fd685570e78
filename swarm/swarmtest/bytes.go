package swarmtest

import (
	"encoding/binary"
	"math/rand/v2"
)

// Bytes returns n bytes that look random and are the same for the same seed
// in every run. No two blocks of them are alike.
func Bytes(seed uint64, n int) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	p := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(p) // never fails
	return p
}
