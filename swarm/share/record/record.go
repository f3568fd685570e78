package record

import (
	"encoding/binary"
	"errors"

	"p2pfs/swarm/kv"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
)

// The bytes of the database. Bucket "file" holds a Summary and bucket "pieces"
// the piece hashes of each hashed inode.ID, under the same key; both values end
// in a checksum over bucket, key and value, so that a value which was damaged
// or stands in the wrong place is known for what it is. All integers are
// big-endian.
//
//	key     inode 8, size 8, mtime 8, device 8: versions of an inode are neighbours,
//	        and so is what it was when its device had another number
//	file    version 2, ctime 8, root 32, v1 20, v2 20, tag 8, epoch 8, checksum 8;
//	        version 1 has no epoch
//	pieces  version 1, root 32, count 4, SHA-1s, count 4, layer hashes, checksum 8
//	gone    version 1, unix seconds 8, checksum 8: since when no file has that inode.ID
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

var errRecord = errors.New("damaged hash record")

// Summary is what there is of a hashed file for each look at it.
type Summary struct {
	CTime int64 // the change time under which its bytes are known to fit the hashes
	Root  metainfo.Hash256
	V1    metainfo.Hash // both infohashes hold for what Tag stands for
	V2    metainfo.Hash // short
	Tag   [8]byte

	// Sound says that a power cut has not taken back any of the bytes.
	Sound bool
}

// Hashes is what it takes to build a torrent and to verify a piece. They are
// of the contents that Root names, whatever else is said under the same ID: a
// forged file has two versions of one.
type Hashes struct {
	Root   metainfo.Hash256
	Pieces []metainfo.Hash
	Layer  []metainfo.Hash256 // empty for a file of at most a piece
}

// bytes is about what h takes, in memory with what is around it, or on disk.
func (h *Hashes) bytes() int { return 256 + 20*len(h.Pieces) + 32*len(h.Layer) }

func keyOf(id inode.ID) []byte {
	k := make([]byte, 0, keyLen)
	k = binary.BigEndian.AppendUint64(k, id.Ino)
	k = binary.BigEndian.AppendUint64(k, uint64(id.Size))
	k = binary.BigEndian.AppendUint64(k, uint64(id.MTime))
	return binary.BigEndian.AppendUint64(k, id.Dev)
}

func parseKey(k []byte) (id inode.ID, ok bool) {
	if len(k) != keyLen {
		return id, false
	}
	id.Ino = binary.BigEndian.Uint64(k)
	id.Size = int64(binary.BigEndian.Uint64(k[8:]))
	id.MTime = int64(binary.BigEndian.Uint64(k[16:]))
	id.Dev = binary.BigEndian.Uint64(k[24:])
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

// encode is the record of s; one that is sound is so in epoch.
func (s *Summary) encode(key []byte, epoch int64) []byte {
	if !s.Sound {
		epoch = 0
	}
	v := make([]byte, 0, summaryLen)
	v = append(v, summaryVersion)
	v = binary.BigEndian.AppendUint64(v, uint64(s.CTime))
	v = append(v, s.Root[:]...)
	v = append(v, s.V1[:]...)
	v = append(v, s.V2[:]...)
	v = append(v, s.Tag[:]...)
	v = binary.BigEndian.AppendUint64(v, uint64(epoch))
	return kv.Seal(bucketFile, key, v)
}

func decodeSummary(key, value []byte, epoch int64) (s Summary, err error) {
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
	s.CTime = int64(binary.BigEndian.Uint64(v))
	v = v[8:]
	v = v[copy(s.Root[:], v):]
	v = v[copy(s.V1[:], v):]
	v = v[copy(s.V2[:], v):]
	v = v[copy(s.Tag[:], v):]
	if version > 1 {
		s.Sound = int64(binary.BigEndian.Uint64(v)) == epoch
	}
	return s, nil
}

func (h *Hashes) encode(key []byte) []byte {
	v := make([]byte, 0, 1+32+4+20*len(h.Pieces)+4+32*len(h.Layer)+sumLen)
	v = append(v, recordVersion)
	v = append(v, h.Root[:]...)
	v = binary.BigEndian.AppendUint32(v, uint32(len(h.Pieces)))
	for i := range h.Pieces {
		v = append(v, h.Pieces[i][:]...)
	}
	v = binary.BigEndian.AppendUint32(v, uint32(len(h.Layer)))
	for i := range h.Layer {
		v = append(v, h.Layer[i][:]...)
	}
	return kv.Seal(bucketPieces, key, v)
}

// decodeHashes allocates in proportion to value, whatever it says.
func decodeHashes(key, value []byte) (*Hashes, error) {
	v, err := unseal(bucketPieces, key, value, recordVersion)
	if err != nil {
		return nil, err
	}
	h := new(Hashes)
	if len(v) < len(h.Root) {
		return nil, errRecord
	}
	v = v[copy(h.Root[:], v):]
	n, v, err := count(v, 20)
	if err != nil {
		return nil, err
	}
	h.Pieces = make([]metainfo.Hash, n)
	for i := range h.Pieces {
		v = v[copy(h.Pieces[i][:], v):]
	}
	n, v, err = count(v, 32)
	if err != nil {
		return nil, err
	}
	h.Layer = make([]metainfo.Hash256, n)
	for i := range h.Layer {
		v = v[copy(h.Layer[i][:], v):]
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
