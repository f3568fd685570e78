package wire

import (
	"encoding/binary"
	"fmt"

	"p2pfs/swarm/hashing"
)

// Message ids: the byte behind the length prefix.
const (
	MsgChoke         byte = 0 // BEP 3
	MsgUnchoke       byte = 1
	MsgInterested    byte = 2
	MsgNotInterested byte = 3
	MsgHave          byte = 4
	MsgBitfield      byte = 5
	MsgRequest       byte = 6
	MsgPiece         byte = 7
	MsgCancel        byte = 8
	MsgPort          byte = 9  // BEP 5
	MsgSuggest       byte = 13 // BEP 6
	MsgHaveAll       byte = 14
	MsgHaveNone      byte = 15
	MsgReject        byte = 16
	MsgAllowedFast   byte = 17
	MsgExtended      byte = 20 // BEP 10
	MsgHashRequest   byte = 21 // BEP 52
	MsgHashes        byte = 22
	MsgHashReject    byte = 23
)

// names holds the messages' names as the BEPs write them.
var names = [...]string{
	MsgChoke: "choke", MsgUnchoke: "unchoke", MsgInterested: "interested",
	MsgNotInterested: "not interested", MsgHave: "have", MsgBitfield: "bitfield",
	MsgRequest: "request", MsgPiece: "piece", MsgCancel: "cancel", MsgPort: "port",
	MsgSuggest: "suggest piece", MsgHaveAll: "have all", MsgHaveNone: "have none",
	MsgReject: "reject request", MsgAllowedFast: "allowed fast",
	MsgExtended: "extended", MsgHashRequest: "hash request", MsgHashes: "hashes",
	MsgHashReject: "hash reject",
}

// Name returns the name of a message id, for logs and errors.
func Name(id byte) string {
	if int(id) < len(names) && names[id] != "" {
		return names[id]
	}
	return fmt.Sprintf("message %d", id)
}

// Known reports whether id is one of this package's messages. Unknown ones
// are to be skipped, not answered.
func Known(id byte) bool { return int(id) < len(names) && names[id] != "" }

// Bounds of what this package reads, in bytes unless said otherwise. A piece
// message carries at most a block of hashing.BlockSize, and a hash request names
// at most hashing.MaxHashes.
const (
	// PrefixLen is the length of the prefix before each message; zero in it
	// is a keep-alive.
	PrefixLen = 4
	// MaxExtended is the longest payload of an extended message, and of a
	// message whose id is unknown.
	MaxExtended = 1 << 20
	// MaxProofLayers bounds the proof layers of a hash request (a count).
	MaxProofLayers = 64
	// PieceHeaderLen is what stands before the block in a piece message.
	PieceHeaderLen = 8

	maxInt = 1<<31 - 1
)

// Limits is what bounds the messages of one connection beyond their ids.
type Limits struct {
	Pieces int // pieces of the torrent; 0 while the metadata is missing
}

// MaxPayload returns the longest payload a message may have, the id not
// counted. Ids that are not Known may have MaxExtended, to be skipped.
func MaxPayload(id byte, lim Limits) int {
	switch id {
	case MsgChoke, MsgUnchoke, MsgInterested, MsgNotInterested, MsgHaveAll, MsgHaveNone:
		return 0
	case MsgHave, MsgSuggest, MsgAllowedFast:
		return 4
	case MsgRequest, MsgCancel, MsgReject:
		return 12
	case MsgPort:
		return 2
	case MsgPiece:
		return PieceHeaderLen + hashing.BlockSize
	case MsgBitfield:
		if lim.Pieces > 0 {
			return BitfieldLen(lim.Pieces)
		}
		return BitfieldLen(hashing.MaxPieces)
	case MsgHashRequest, MsgHashReject:
		return hashRequestLen
	case MsgHashes:
		return hashRequestLen + 32*(hashing.MaxHashes+MaxProofLayers)
	}
	return MaxExtended
}

// ParsePrefix returns the length prefix in the first four bytes of p, which
// must be there. It counts the id; zero is a keep-alive.
func ParsePrefix(p []byte) int64 {
	return int64(binary.BigEndian.Uint32(p))
}

// CheckLength returns ErrTooLong, wrapped, if a message of that id may not
// have n bytes of payload, the id not counted. To be asked before a buffer is
// made.
func CheckLength(id byte, n int64, lim Limits) error {
	if n < 0 || n > int64(MaxPayload(id, lim)) {
		return &MessageError{ID: id, Len: n, Err: ErrTooLong}
	}
	return nil
}
