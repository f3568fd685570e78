package wire

import (
	"encoding/binary"

	"p2pfs/swarm/hashing"
)

// ParseEmpty checks a message that has no payload: choke, unchoke,
// interested, not interested, have all, have none.
func ParseEmpty(id byte, p []byte) error {
	if len(p) != 0 {
		return bad(id, p, ErrLength)
	}
	return nil
}

// ParseHave returns the piece of a have message (BEP 3).
func ParseHave(p []byte) (index int, err error) { return parseIndex(MsgHave, p) }

// ParseSuggest returns the piece of a suggest piece message (BEP 6).
func ParseSuggest(p []byte) (index int, err error) { return parseIndex(MsgSuggest, p) }

// ParseAllowedFast returns the piece of an allowed fast message (BEP 6).
func ParseAllowedFast(p []byte) (index int, err error) { return parseIndex(MsgAllowedFast, p) }

// ParseRequest returns the block of a request (BEP 3). Its length is 1 to
// hashing.MaxRequest, and its end fits in 31 bits.
func ParseRequest(p []byte) (Block, error) { return parseBlock(MsgRequest, p) }

// ParseCancel returns the block of a cancel message, bounded as a request
// (BEP 3).
func ParseCancel(p []byte) (Block, error) { return parseBlock(MsgCancel, p) }

// ParseReject returns the block of a reject request message, bounded as a
// request (BEP 6).
func ParseReject(p []byte) (Block, error) { return parseBlock(MsgReject, p) }

// ParsePieceHeader reads the PieceHeaderLen bytes that stand before the block
// of a piece message. n is the length of the block itself: the payload's less
// PieceHeaderLen; 1 to hashing.BlockSize (BEP 3).
func ParsePieceHeader(p []byte, n int) (Block, error) {
	if len(p) != PieceHeaderLen || n < 1 || n > hashing.BlockSize {
		return Block{}, &MessageError{ID: MsgPiece, Len: int64(len(p)) + int64(n), Err: ErrLength}
	}
	b := Block{Length: n}
	var ok bool
	if b.Index, ok = intAt(p, 0); ok {
		b.Begin, ok = intAt(p, 4)
	}
	if !ok || int64(b.Begin)+int64(n) > maxInt {
		return Block{}, &MessageError{ID: MsgPiece, Len: int64(len(p)) + int64(n), Err: ErrRange}
	}
	return b, nil
}

// ParseExtended splits an extended message into the extension's id, which is
// the one we chose for it, and the body, a part of p (BEP 10).
func ParseExtended(p []byte) (id byte, body []byte, err error) {
	if len(p) < 1 {
		return 0, nil, bad(MsgExtended, p, ErrLength)
	}
	return p[0], p[1:], nil
}

// ParseDontHave returns the piece of the body of an lt_donthave message
// (BEP 54).
func ParseDontHave(body []byte) (index int, err error) { return parseIndex(MsgExtended, body) }

// ParseUploadOnly reads the body of an upload_only message: see
// AppendUploadOnly. Any number but 0 is true.
func ParseUploadOnly(body []byte) (bool, error) {
	if len(body) != 1 {
		return false, bad(MsgExtended, body, ErrLength)
	}
	return body[0] != 0, nil
}

func parseIndex(id byte, p []byte) (int, error) {
	if len(p) != 4 {
		return 0, bad(id, p, ErrLength)
	}
	n, ok := intAt(p, 0)
	if !ok {
		return 0, bad(id, p, ErrRange)
	}
	return n, nil
}

func parseBlock(id byte, p []byte) (b Block, err error) {
	if len(p) != 12 {
		return b, bad(id, p, ErrLength)
	}
	var ok [3]bool
	b.Index, ok[0] = intAt(p, 0)
	b.Begin, ok[1] = intAt(p, 4)
	b.Length, ok[2] = intAt(p, 8)
	if ok != [3]bool{true, true, true} || b.Length < 1 || b.Length > hashing.MaxRequest ||
		int64(b.Begin)+int64(b.Length) > maxInt {
		return Block{}, bad(id, p, ErrRange)
	}
	return b, nil
}

// intAt reads the uint32 at p[off:], and whether it fits in 31 bits.
func intAt(p []byte, off int) (n int, ok bool) {
	u := binary.BigEndian.Uint32(p[off:])
	if u > maxInt {
		return 0, false
	}
	return int(u), true
}
