package bencode

import "strconv"

// AppendInt appends an integer to dst.
func AppendInt[T int | int64](dst []byte, n T) []byte {
	return append(strconv.AppendInt(append(dst, 'i'), int64(n), 10), 'e')
}

// AppendString appends a string to dst. Keys of a dictionary are strings; that
// they are in order is the caller's to see to.
func AppendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	return append(append(strconv.AppendInt(dst, int64(len(s)), 10), ':'), s...)
}
