package catalog

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// MaxMemberName is the longest display name of a member, in bytes.
const MaxMemberName = 32

// Reasons for which names are refused.
var (
	ErrName       = errors.New("not a valid file name")
	ErrMemberName = errors.New("member name must have 1 to 32 bytes of UTF-8, no '/', '~' or control characters")
)

// CheckMemberName returns ErrMemberName if s may not be a member's display
// name.
func CheckMemberName(s string) error {
	if len(s) == 0 || len(s) > MaxMemberName || !utf8.ValidString(s) {
		return ErrMemberName
	}
	for _, r := range s {
		if r == '/' || r == '~' || unicode.IsControl(r) {
			return ErrMemberName
		}
	}
	return nil
}
