package held

import "p2pfs/swarm/metainfo"

// Key names a piece in a store: the byte '1', its SHA-1 and twelve zero bytes, or
// the byte '2' and the root of the hash tree over its blocks (BEP 52).
type Key = [33]byte

// PieceKey names a piece: by its SHA-256 wherever that is known, so that equal
// pieces of a v1 and a v2 torrent are one. It reports false while the piece layer
// is missing.
func PieceKey(info *metainfo.Info, layers metainfo.Layers, piece int) (k Key, ok bool) {
	if info.V2 {
		if h, ok := info.PieceHash2(layers, piece); ok {
			return RootKey(h), true
		}
	}
	if !info.V1 {
		return k, false
	}
	return SHA1Key(info, piece), true
}

// RootKey names a piece by the root of its hash tree, which of a file of one piece
// is the file's.
func RootKey(root metainfo.Hash256) (k Key) {
	k[0] = '2'
	copy(k[1:], root[:])
	return k
}

// SHA1Key names a piece of a torrent that has v1 hashes by its own.
func SHA1Key(info *metainfo.Info, piece int) (k Key) {
	h := info.Pieces.SHA1(piece)
	k[0] = '1'
	copy(k[1:], h[:])
	return k
}

// Root is the pieces root that a key is of, if it is one of a hash tree.
func Root(k Key) (root metainfo.Hash256, ok bool) {
	copy(root[:], k[1:])
	return root, k[0] == '2'
}
