package share

import (
	"encoding/binary"
	"errors"

	"p2pfs/swarm/kv"
	"p2pfs/swarm/metainfo"
)

// The bytes of hashes.db. Bucket "file" holds a summary and bucket "pieces"
// the piece hashes of each hashed ident, under the same key; both values end
// in a checksum over bucket, key and value, so that a value which was damaged
// or stands in the wrong place is known for what it is. All integers are
// big-endian.
//
//	key     inode 8, size 8, mtime 8, device 8: versions of an inode are neighbours,
//	        and so is what it was when its device had another number
//	file    version 2, ctime 8, root 32, v1 20, v2 20, tag 8, epoch 8, checksum 8;
//	        version 1 has no epoch
//	pieces  version 1, root 32, count 4, SHA-1s, count 4, layer hashes, checksum 8
//	gone    version 1, unix seconds 8, checksum 8: since when no file has that ident
const (
	recordVersion  = 1 // of all but summaries
	summaryVersion = 2
	keyLen         = 32
	keyInode       = 8  // bytes of a key that name an inode number
	keyVersion     = 24 // bytes of a key but for the device
	sumLen         = 8  // of a checksum
	summaryLen1    = 1 + 8 + 32 + 20 + 20 + 8 + sumLen
	summaryLen     = summaryLen1 + 8
	goneLen        = 1 + 8 + sumLen
)

var (
	bucketFile   = []byte("file")
	bucketPieces = []byte("pieces")
	bucketGone   = []byte("gone")
)

var errRecord = errors.New("share: damaged hash record")

// summary is what is kept in memory, too, of a hashed file.
type summary struct {
	ctime int64 // see entry.ctime
	root  metainfo.Hash256
	v1    metainfo.Hash // both infohashes hold for the name and options in tag
	v2    metainfo.Hash
	tag   [8]byte
	epoch int64 // see run; 0: none
}

// hashes is what it takes to build a torrent and to verify a piece. They are
// of the contents that root names, whatever else is said under the same ident:
// a forged file has two versions of one ident.
type hashes struct {
	root   metainfo.Hash256
	pieces []metainfo.Hash
	layer  []metainfo.Hash256 // empty for a file of at most a piece
}

// bytes is about what h takes, in memory with what is around it, or on disk.
func (h *hashes) bytes() int { return 256 + 20*len(h.pieces) + 32*len(h.layer) }

func (id ident) key() []byte {
	k := make([]byte, 0, keyLen)
	k = binary.BigEndian.AppendUint64(k, id.ino)
	k = binary.BigEndian.AppendUint64(k, uint64(id.size))
	k = binary.BigEndian.AppendUint64(k, uint64(id.mtime))
	return binary.BigEndian.AppendUint64(k, id.dev)
}

func parseKey(k []byte) (id ident, ok bool) {
	if len(k) != keyLen {
		return id, false
	}
	id.ino = binary.BigEndian.Uint64(k)
	id.size = int64(binary.BigEndian.Uint64(k[8:]))
	id.mtime = int64(binary.BigEndian.Uint64(k[16:]))
	id.dev = binary.BigEndian.Uint64(k[24:])
	return id, true
}

// unseal checks checksum and version and returns what is between.
func unseal(bucket, key, value []byte, version byte) ([]byte, error) {
	body, ok := kv.Unseal(bucket, key, value)
	if !ok || len(body) < 1 || body[0] != version {
		return nil, errRecord
	}
	return body[1:], nil
}

func (s *summary) encode(key []byte) []byte {
	v := make([]byte, 0, summaryLen)
	v = append(v, summaryVersion)
	v = binary.BigEndian.AppendUint64(v, uint64(s.ctime))
	v = append(v, s.root[:]...)
	v = append(v, s.v1[:]...)
	v = append(v, s.v2[:]...)
	v = append(v, s.tag[:]...)
	v = binary.BigEndian.AppendUint64(v, uint64(s.epoch))
	return kv.Seal(bucketFile, key, v)
}

func decodeSummary(key, value []byte) (s summary, err error) {
	version := byte(summaryVersion)
	switch len(value) {
	case summaryLen:
	case summaryLen1:
		version = 1
	default:
		return s, errRecord
	}
	v, err := unseal(bucketFile, key, value, version)
	if err != nil {
		return s, err
	}
	s.ctime = int64(binary.BigEndian.Uint64(v))
	v = v[8:]
	v = v[copy(s.root[:], v):]
	v = v[copy(s.v1[:], v):]
	v = v[copy(s.v2[:], v):]
	v = v[copy(s.tag[:], v):]
	if version > 1 {
		s.epoch = int64(binary.BigEndian.Uint64(v))
	}
	return s, nil
}

func (h *hashes) encode(key []byte) []byte {
	v := make([]byte, 0, 1+32+4+20*len(h.pieces)+4+32*len(h.layer)+sumLen)
	v = append(v, recordVersion)
	v = append(v, h.root[:]...)
	v = binary.BigEndian.AppendUint32(v, uint32(len(h.pieces)))
	for i := range h.pieces {
		v = append(v, h.pieces[i][:]...)
	}
	v = binary.BigEndian.AppendUint32(v, uint32(len(h.layer)))
	for i := range h.layer {
		v = append(v, h.layer[i][:]...)
	}
	return kv.Seal(bucketPieces, key, v)
}

// decodeHashes allocates in proportion to value, whatever it says.
func decodeHashes(key, value []byte) (*hashes, error) {
	v, err := unseal(bucketPieces, key, value, recordVersion)
	if err != nil {
		return nil, err
	}
	h := new(hashes)
	if len(v) < len(h.root) {
		return nil, errRecord
	}
	v = v[copy(h.root[:], v):]
	n, v, err := count(v, 20)
	if err != nil {
		return nil, err
	}
	h.pieces = make([]metainfo.Hash, n)
	for i := range h.pieces {
		v = v[copy(h.pieces[i][:], v):]
	}
	n, v, err = count(v, 32)
	if err != nil {
		return nil, err
	}
	h.layer = make([]metainfo.Hash256, n)
	for i := range h.layer {
		v = v[copy(h.layer[i][:], v):]
	}
	if len(v) != 0 {
		return nil, errRecord
	}
	return h, nil
}

// count takes a number of things of size bytes each, which must follow.
func count(v []byte, size int) (int, []byte, error) {
	if len(v) < 4 {
		return 0, nil, errRecord
	}
	n := int64(binary.BigEndian.Uint32(v))
	if v = v[4:]; n*int64(size) > int64(len(v)) {
		return 0, nil, errRecord
	}
	return int(n), v, nil
}

func encodeGone(key []byte, since int64) []byte {
	v := binary.BigEndian.AppendUint64([]byte{recordVersion}, uint64(since))
	return kv.Seal(bucketGone, key, v)
}

func decodeGone(key, value []byte) (since int64, err error) {
	if len(value) != goneLen {
		return 0, errRecord
	}
	v, err := unseal(bucketGone, key, value, recordVersion)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}
