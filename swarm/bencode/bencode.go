// Package bencode is a strict, bounded front for github.com/zeebo/bencode
// (bencoding: BEP 3, with the canonical form that BEP 52 asks for).
//
// zeebo/bencode alone must not see bytes from the network: it recurses once
// per nesting level, allocates what a length prefix claims, and accepts
// unsorted and repeated keys. Here a scanner that neither recurses nor
// allocates passes over the bytes first; what it lets through is one value
// in canonical form, within limits given by the caller. Unmarshal then hands
// it to zeebo; a Cursor walks it in place, for documents so large that
// copies count.
//
// Canonical means: keys sorted as raw bytes and unique, no leading zeros in
// integers and lengths, no "-0", nothing behind the value. Integers beyond
// int64 are refused, although BEP 3 sets no bound.
//
// All functions are safe for concurrent use; a Cursor belongs to one
// goroutine.
package bencode

import (
	"errors"
	"fmt"

	zeebo "github.com/zeebo/bencode"
)

// MaxDepth is how deeply lists and dictionaries may nest where Limits does
// not say otherwise.
const MaxDepth = 64

// Limits bounds what Check, Prefix, Unmarshal and NewCursor accept. The zero
// value of a field stands for its default.
type Limits struct {
	Bytes  int // length of the value; default 16 MiB
	Tokens int // strings (keys too), integers, lists and dictionaries; default 100 000
	Depth  int // nesting of lists and dictionaries; default MaxDepth

	// AllowUnsorted accepts dictionaries whose keys are out of order, as
	// some peers send them. Repeated keys are refused all the same.
	AllowUnsorted bool
}

func (lim Limits) withDefaults() Limits {
	if lim.Bytes == 0 {
		lim.Bytes = 16 << 20
	}
	if lim.Tokens == 0 {
		lim.Tokens = 100_000
	}
	if lim.Depth == 0 {
		lim.Depth = MaxDepth
	}
	return lim
}

// Reasons for which bytes are refused, to be told apart with errors.Is; they
// arrive wrapped in a *SyntaxError.
var (
	ErrTruncated = errors.New("ends too early")
	ErrInvalid   = errors.New("not a bencoded value")
	ErrCanonical = errors.New("not in canonical form")
	ErrOverflow  = errors.New("integer beyond 64 bit")
	ErrUnsorted  = errors.New("keys not sorted")
	ErrDuplicate = errors.New("key repeated")
	ErrTrailing  = errors.New("bytes behind the value")
	ErrLimit     = errors.New("limit exceeded")
)

// SyntaxError says where and why bytes were refused.
type SyntaxError struct {
	Offset int   // of the byte at which the fault was seen
	Err    error // one of the reasons above
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bencode: byte %d: %v", e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *SyntaxError) Unwrap() error { return e.Err }

// RawMessage is the bytes of one bencoded value: a field of this type takes
// the value as it stands, and is written as it stands.
type RawMessage = zeebo.RawMessage

// Check reports whether data is exactly one value in canonical form within
// lim. It does not allocate, unless lim.AllowUnsorted is set and needed.
func Check(data []byte, lim Limits) error {
	lim = lim.withDefaults()
	if len(data) > lim.Bytes {
		return &SyntaxError{lim.Bytes, ErrLimit}
	}
	n, err := Prefix(data, lim)
	if err != nil {
		return err
	}
	if n != len(data) {
		return &SyntaxError{n, ErrTrailing}
	}
	return nil
}

// Prefix returns the length of the one value that data begins with, checked
// as Check does; whatever stands behind it is not looked at (BEP 9 puts the
// metadata itself behind a dictionary).
func Prefix(data []byte, lim Limits) (n int, err error) {
	s := scanner{data: data, lim: lim.withDefaults()}
	if err := s.scan(); err != nil {
		return 0, &SyntaxError{s.pos, err}
	}
	return s.pos, nil
}

// Unmarshal checks data and stores it into what v points to, by the rules of
// github.com/zeebo/bencode: struct fields are named by `bencode:"name"` tags,
// unknown keys are skipped. Integers narrower than 64 bit are cut without a
// word there, so fields for foreign integers should be int64.
func Unmarshal(data []byte, v any, lim Limits) error {
	if err := Check(data, lim); err != nil {
		return err
	}
	if err := zeebo.DecodeBytes(data, v); err != nil {
		return fmt.Errorf("bencode: %w", err)
	}
	return nil
}

// Marshal returns the canonical form of v, by the rules of
// github.com/zeebo/bencode. Byte arrays become lists of integers there:
// convert hashes to strings or slices first. A value that has no form in
// bencode, such as a nil pointer in a list, is an error.
func Marshal(v any) ([]byte, error) {
	if v == nil {
		return nil, errors.New("bencode: nil has no form")
	}
	data, err := zeebo.EncodeBytes(v)
	if err != nil {
		return nil, fmt.Errorf("bencode: %w", err)
	}
	// zeebo leaves nil values out, which shifts keys against values.
	// What zeebo leaves out, such as nil pointers, shifts keys against values.
	lim := Limits{Bytes: len(data) + 1, Tokens: len(data) + 1, Depth: 1 << 20}
	if err := Check(data, lim); err != nil {
		return nil, fmt.Errorf("bencode: %T has no canonical form: %w", v, err)
	}
	return data, nil
}
