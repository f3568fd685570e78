// Package hasher reads files once and makes of each what its two torrents are
// made of, of version 1 (BEP 3) and 2 (BEP 52), with the same pieces.
//
// A Pool reads on goroutines of its own: some for small files, which take no big
// ones, and one for big files, which uses all cores by itself. All checks are on
// the open file: that it is a regular one and still what was found under its
// path, and that nobody writes to it, before and after it is read. What is known
// of a file from before is not read again. When a file is to be read is the
// caller's to decide.
//
// Start, Drop, Feed, Ended and Len belong to one goroutine; the rest of a Pool
// is safe for concurrent use, as is Torrents.
package hasher
