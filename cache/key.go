package cache

import (
	"encoding/hex"
	"fmt"
)

// Key names a piece: the byte '1', its SHA-1 and twelve zero bytes; or the
// byte '2' and the SHA-256 root of the hash tree over its 16 KiB blocks, the
// tree being filled up with zero hashes to any power of two of leaves (BEP 52).
type Key = [33]byte

// MaxPiece is the length in bytes of the largest piece that is kept.
const MaxPiece = 64 << 20

const (
	sha1Len   = 20
	sha256Len = 32
	tmpSuffix = ".tmp"
)

// keyHash returns the hash within k, or nil when k has no valid form.
func keyHash(k *Key) []byte {
	switch k[0] {
	case '1':
		if [sha256Len - sha1Len]byte(k[1+sha1Len:]) != [sha256Len - sha1Len]byte{} {
			return nil
		}
		return k[1 : 1+sha1Len]
	case '2':
		return k[1:]
	}
	return nil
}

// shardName is the name of the directory of k's piece.
func shardName(k Key) string { return hex.EncodeToString(k[1:2]) }

// fileName is the name of k's file within its shard.
func fileName(k Key) string { return string(k[:1]) + hex.EncodeToString(keyHash(&k)) }

// pathName is the path of k's file below the cache directory.
func pathName(k Key) string { return shardName(k) + "/" + fileName(k) }

// parseName is the inverse of fileName.
func parseName(name string) (k Key, ok bool) {
	if len(name) != 1+2*sha1Len && len(name) != 1+2*sha256Len {
		return k, false
	}
	k[0] = name[0]
	n, err := hex.Decode(k[1:], []byte(name[1:]))
	if err != nil || len(keyHash(&k)) != n || fileName(k) != name {
		return Key{}, false
	}
	return k, true
}

// shards are the names of all directories that pieces can be in.
func shards() []string {
	names := make([]string, 256)
	for i := range names {
		names[i] = fmt.Sprintf("%02x", i)
	}
	return names
}
