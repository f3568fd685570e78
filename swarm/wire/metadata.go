package wire

import (
	"fmt"

	"p2pfs/swarm/bencode"
)

// Values of Metadata.Type (BEP 9). Others "MUST be ignored".
const (
	MetadataRequest = 0
	MetadataData    = 1
	MetadataReject  = 2
)

// MetadataPiece is the length of every piece of the info dictionary but the
// last, in bytes (BEP 9).
const MetadataPiece = 16 << 10

// maxMetadataHead bounds the dictionary before the bytes of a piece.
const maxMetadataHead = 4 << 10

// Metadata is the body of a ut_metadata message (BEP 9).
type Metadata struct {
	Type      int    // MetadataRequest, MetadataData or MetadataReject
	Piece     int    // of the info dictionary: 0 to MaxMetadata/MetadataPiece-1
	TotalSize int    // length of the info dictionary; of data messages only; 0: not told
	Data      []byte // of data messages only: the piece, which stands behind the dictionary
}

// AppendMetadata appends m as a whole message. id is the receiver's for
// ExtMetadata.
func AppendMetadata(dst []byte, id byte, m Metadata) []byte {
	var head [64]byte
	d := append(head[:0], "d8:msg_type"...)
	d = bencode.AppendInt(d, m.Type)
	d = append(d, "5:piece"...)
	d = bencode.AppendInt(d, m.Piece)
	if m.Type == MetadataData {
		d = append(d, "10:total_size"...)
		d = bencode.AppendInt(d, m.TotalSize)
	}
	d = append(d, 'e')
	dst = AppendExtendedHeader(dst, id, len(d)+len(m.Data))
	dst = append(dst, d...)
	return append(dst, m.Data...)
}

// ParseMetadata reads the body of a ut_metadata message; Data is a part of
// it. ErrSyntax if it does not open with a dictionary that has the two
// numbers, ErrRange if one of them is out of range, ErrLength if Data is not
// as long as piece and size ask, or a request or reject has bytes behind it.
// Of a message whose Type is none of the three only Type is set.
func ParseMetadata(body []byte) (m Metadata, err error) {
	lim := extLimits
	lim.Bytes = maxMetadataHead
	n, err := bencode.Prefix(body[:min(len(body), maxMetadataHead)], lim)
	if err != nil {
		return m, bad(MsgExtended, body, fmt.Errorf("%w: %w", ErrSyntax, err))
	}
	d, err := dictionary(body[:n])
	if err != nil {
		return m, err
	}
	typ, ok := rawInt(d["msg_type"])
	if !ok {
		return m, bad(MsgExtended, body, ErrSyntax)
	}
	if typ < MetadataRequest || typ > MetadataReject {
		return Metadata{Type: int(min(max(typ, -1), MetadataReject+1))}, nil
	}
	m.Type = int(typ)
	if err := m.read(d, body[n:]); err != nil {
		return Metadata{}, bad(MsgExtended, body, err)
	}
	return m, nil
}

// read fills in what a message of a known type has.
func (m *Metadata) read(d map[string]bencode.RawMessage, data []byte) error {
	piece, ok := rawInt(d["piece"])
	if !ok {
		return ErrSyntax
	}
	if piece < 0 || piece >= MaxMetadata/MetadataPiece {
		return ErrRange
	}
	m.Piece = int(piece)
	if m.Type != MetadataData {
		if len(data) != 0 {
			return ErrLength
		}
		return nil
	}
	if len(data) == 0 || len(data) > MetadataPiece {
		return ErrLength
	}
	m.Data = data
	raw, told := d["total_size"]
	if !told {
		return nil
	}
	size, ok := rawInt(raw)
	if !ok || size <= piece*MetadataPiece || size > MaxMetadata {
		return ErrRange
	}
	if int64(len(data)) != min(MetadataPiece, size-piece*MetadataPiece) {
		return ErrLength
	}
	m.TotalSize = int(size)
	return nil
}
