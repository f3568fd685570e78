package wire

import (
	"errors"
	"fmt"
)

// Why a message or handshake was refused. All mean that the peer broke the
// protocol, but for ErrNotBitTorrent.
var (
	// ErrTooLong is a length prefix beyond what the message may have.
	ErrTooLong = errors.New("too long")
	// ErrLength is a payload of another length than the message's form asks.
	ErrLength = errors.New("wrong length")
	// ErrRange is a number outside of what the message allows.
	ErrRange = errors.New("number out of range")
	// ErrSpareBits is a bitfield with bits set behind the last piece.
	ErrSpareBits = errors.New("spare bits set")
	// ErrSyntax is an extended message whose body is no bencoded dictionary
	// of the right form.
	ErrSyntax = errors.New("malformed dictionary")
	// ErrNotBitTorrent is a first message that does not begin as BEP 3's
	// handshake: another protocol, or the encrypted handshake that many
	// clients try first. Close quietly and ban nobody.
	ErrNotBitTorrent = errors.New("not a BitTorrent handshake")
)

// MessageError says which message was refused, and wraps the reason, one of
// the errors of this package.
type MessageError struct {
	ID  byte  // of the message
	Len int64 // of its payload in bytes
	Err error
}

// Error names the message, its payload's length and the reason.
func (e *MessageError) Error() string {
	return fmt.Sprintf("%s message of %d bytes: %v", Name(e.ID), e.Len, e.Err)
}

// Unwrap returns the reason.
func (e *MessageError) Unwrap() error { return e.Err }

// bad makes a MessageError for a payload.
func bad(id byte, p []byte, err error) error {
	return &MessageError{ID: id, Len: int64(len(p)), Err: err}
}
