// Package cache keeps verified pieces on local disk under a byte budget,
// named by their hash.
//
// # On disk
//
//	DIR/format           "p2pfs cache 1\n"; another version is refused
//	DIR/CACHEDIR.TAG     tells backup programs to leave the directory out
//	DIR/ab/2ab…          a whole piece named by its SHA-256 (64 hex digits)
//	DIR/ab/1ab…          a whole piece named by its SHA-1 (40 hex digits)
//	DIR/ab/2ab….tmp      a piece being written
//
// The directory of a piece is the first byte of its hash. A piece is written
// to its temporary name and renamed, and never changed after that: whatever
// ends the process, a piece is there whole or not at all, and equal pieces of
// two torrents are one file. The time of last use is the file's atime, set at
// most once a minute a piece, so that a restart finds roughly the same order.
// Everything else in the directory is foreign and left alone; links are never
// followed. One process uses a directory at a time: the store holds an flock
// on it.
//
// # What is trusted
//
// Blocks given to Put were verified by the caller and are not hashed again.
// A file found on disk by Open is hashed when it is first used, on all
// processors, and dropped when it is not what its name says: whatever happened
// to the disk or the file since the last run, also after a clean stop, bytes
// that rotted are not handed out. A file that changes while the store is open
// (inode, size, mtime, ctime) is hashed again before any byte read from it is
// handed out, and Verify hashes one that a peer complains of.
//
// # The budget
//
// The budget counts the bytes allocated to pieces (st_blocks); the at most 256
// directories come on top. The least recently used piece goes first, before
// the new one is written. A piece that is pinned, being read or being
// written stays; when only such pieces are left, Put refuses.
//
// # Concurrency
//
// All methods may be called from any goroutine. The table of pieces has a lock,
// under which no input or output happens; input and output on one piece's file,
// except reading, is done by one goroutine at a time, which has claimed the
// piece. The directory of the moment has another, taken before the table's. The
// store starts no goroutine that outlives a call.
package cache
