package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"p2pfs/swarm/metainfo"
)

// record is the resume record. Its bytes are: a line with the version; the
// infohashes (20 and 32 bytes, zeros for one there is not); the boot it was
// written in (64 bytes, filled up with zeros); of each file size, mtime and
// inode (8 bytes each, big endian; all zero where nothing is known) and a byte
// that is 1 if the data was on the device; the pieces held, high bit first;
// and the SHA-256 of all that. Their number follows from the torrent.
type record struct {
	boot   string
	files  []recordFile
	pieces []byte
}

type recordFile struct {
	ident
	durable bool
}

const (
	recordHeader = "p2pfs resume 1\n"
	bootLen      = 64
	fileLen      = 3*8 + 1
)

// newRecord returns an empty record with room for a torrent.
func newRecord(info *metainfo.Info) *record {
	return &record{files: make([]recordFile, len(info.Files)), pieces: make([]byte, (info.Pieces.Count()+7)/8)}
}

func (r *record) has(piece int) bool { return r.pieces[piece/8]&(0x80>>(piece%8)) != 0 }

func (r *record) add(piece int) { r.pieces[piece/8] |= 0x80 >> (piece % 8) }

// recordHead is what the record of a torrent begins with.
func recordHead(info *metainfo.Info) []byte {
	head := append([]byte(recordHeader), info.HashV1[:]...)
	return append(head, info.HashV2[:]...)
}

// recordLen is the length in bytes of the record of a torrent.
func recordLen(info *metainfo.Info) int {
	return len(recordHead(info)) + bootLen + len(info.Files)*fileLen + (info.Pieces.Count()+7)/8 + sha256.Size
}

// encode returns the bytes of r, a record of the torrent.
func (r *record) encode(info *metainfo.Info) []byte {
	text := append(recordHead(info), make([]byte, bootLen)...)
	copy(text[len(text)-bootLen:], r.boot)
	for _, f := range r.files {
		text = binary.BigEndian.AppendUint64(text, uint64(f.size))
		text = binary.BigEndian.AppendUint64(text, uint64(f.mtime))
		text = binary.BigEndian.AppendUint64(text, f.ino)
		durable := byte(0)
		if f.durable {
			durable = 1
		}
		text = append(text, durable)
	}
	return withSum(append(text, r.pieces...))
}

// withSum appends the sum that ends a record.
func withSum(text []byte) []byte {
	sum := sha256.Sum256(text)
	return append(text, sum[:]...)
}

// decodeRecord is the reverse of encode; nil if text is no record of the torrent.
func decodeRecord(info *metainfo.Info, text []byte) *record {
	head := recordHead(info)
	if len(text) != recordLen(info) || !bytes.HasPrefix(text, head) {
		return nil
	}
	text, end := text[:len(text)-sha256.Size], text[len(text)-sha256.Size:]
	if sum := sha256.Sum256(text); !bytes.Equal(sum[:], end) {
		return nil
	}
	text = text[len(head):]
	r := newRecord(info)
	r.boot = string(bytes.TrimRight(text[:bootLen], "\x00"))
	text = text[bootLen:]
	for i := range r.files {
		f := &r.files[i]
		f.size = int64(binary.BigEndian.Uint64(text))
		f.mtime = int64(binary.BigEndian.Uint64(text[8:]))
		f.ino = binary.BigEndian.Uint64(text[16:])
		f.durable = text[24] == 1
		text = text[fileLen:]
	}
	copy(r.pieces, text)
	return r
}
