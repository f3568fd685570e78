package wire

import "encoding/binary"

// Block names a block as the wire does: a part of a piece.
type Block struct {
	Index  int // of the piece
	Begin  int // offset in the piece, bytes
	Length int // bytes
}

// AppendHeader appends the length prefix and the id of a message whose
// payload of n bytes follows.
func AppendHeader(dst []byte, id byte, n int) []byte {
	dst = appendInt(dst, n+1)
	return append(dst, id)
}

// AppendKeepAlive appends a message without an id (BEP 3).
func AppendKeepAlive(dst []byte) []byte { return appendInt(dst, 0) }

// AppendChoke appends a choke message (BEP 3).
func AppendChoke(dst []byte) []byte { return AppendHeader(dst, MsgChoke, 0) }

// AppendUnchoke appends an unchoke message (BEP 3).
func AppendUnchoke(dst []byte) []byte { return AppendHeader(dst, MsgUnchoke, 0) }

// AppendInterested appends an interested message (BEP 3).
func AppendInterested(dst []byte) []byte { return AppendHeader(dst, MsgInterested, 0) }

// AppendNotInterested appends a not interested message (BEP 3).
func AppendNotInterested(dst []byte) []byte { return AppendHeader(dst, MsgNotInterested, 0) }

// AppendHave appends a have message for a piece (BEP 3).
func AppendHave(dst []byte, index int) []byte { return appendIndex(dst, MsgHave, index) }

// AppendRequest appends a request for a block (BEP 3).
func AppendRequest(dst []byte, b Block) []byte { return appendBlock(dst, MsgRequest, b) }

// AppendCancel appends a cancel message (BEP 3).
func AppendCancel(dst []byte, b Block) []byte { return appendBlock(dst, MsgCancel, b) }

// AppendPieceHeader appends all of a piece message but the block, n bytes,
// which must follow (BEP 3).
func AppendPieceHeader(dst []byte, index, begin, n int) []byte {
	dst = AppendHeader(dst, MsgPiece, PieceHeaderLen+n)
	dst = appendInt(dst, index)
	return appendInt(dst, begin)
}

// AppendSuggest appends a suggest piece message (BEP 6).
func AppendSuggest(dst []byte, index int) []byte { return appendIndex(dst, MsgSuggest, index) }

// AppendHaveAll appends a have all message (BEP 6).
func AppendHaveAll(dst []byte) []byte { return AppendHeader(dst, MsgHaveAll, 0) }

// AppendHaveNone appends a have none message (BEP 6).
func AppendHaveNone(dst []byte) []byte { return AppendHeader(dst, MsgHaveNone, 0) }

// AppendReject appends a reject request message (BEP 6).
func AppendReject(dst []byte, b Block) []byte { return appendBlock(dst, MsgReject, b) }

// AppendAllowedFast appends an allowed fast message (BEP 6).
func AppendAllowedFast(dst []byte, index int) []byte { return appendIndex(dst, MsgAllowedFast, index) }

// AppendExtendedHeader appends all of an extended message but its body of n
// bytes, which must follow (BEP 10). id is the one the receiver chose for the
// extension; 0 is the extended handshake.
func AppendExtendedHeader(dst []byte, id byte, n int) []byte {
	return append(AppendHeader(dst, MsgExtended, n+1), id)
}

// AppendExtended appends an extended message with its body (BEP 10).
func AppendExtended(dst []byte, id byte, body []byte) []byte {
	return append(AppendExtendedHeader(dst, id, len(body)), body...)
}

// AppendDontHave appends an lt_donthave message: that piece is gone (BEP 54).
// id is the receiver's for "lt_donthave".
func AppendDontHave(dst []byte, id byte, index int) []byte {
	return appendInt(AppendExtendedHeader(dst, id, 4), index)
}

// AppendUploadOnly appends an upload_only message, by which libtorrent tells
// a change of what BEP 21 puts into the extended handshake. id is the
// receiver's for "upload_only".
func AppendUploadOnly(dst []byte, id byte, only bool) []byte {
	dst = AppendExtendedHeader(dst, id, 1)
	if only {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendInt(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

func appendIndex(dst []byte, id byte, index int) []byte {
	return appendInt(AppendHeader(dst, id, 4), index)
}

func appendBlock(dst []byte, id byte, b Block) []byte {
	dst = AppendHeader(dst, id, 12)
	dst = appendInt(dst, b.Index)
	dst = appendInt(dst, b.Begin)
	return appendInt(dst, b.Length)
}
