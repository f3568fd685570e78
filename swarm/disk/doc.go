// Package disk keeps the pieces of one torrent in the torrent's own files,
// as BEP 3 lays them out below a directory: what is downloaded to stay, or
// seeded from where it lies.
//
// Pad files (BEP 47) are not written and read as zeros; exec bits and symlinks
// are set as the torrent says. Files are created when their first piece
// arrives, sparse at full length; directories, empty files and symlinks at
// Open. Everything is reached through an os.Root, so that neither a name nor a
// link leads out of the directory; a file that is itself a link is refused.
//
// # What is held
//
// A piece is held after WritePiece, whose caller has verified it, or when
// Check has hashed what stands in the files, or when the resume record of an
// earlier run says so and the files under the piece still have the size,
// mtime and inode of then. The record is bound to the boot of the machine for
// files that were written shortly before, because data may have been lost
// with the power though the mtime was not.
//
// A file that Check or the record has vouched for is looked at (size, mtime,
// inode) after each read. When somebody has changed it, its pieces are held
// no longer, and the bytes just read are not handed out.
//
// # Concurrency
//
// All methods may be called from any goroutine, but a Check at most once at a
// time. No lock is held across input or output.
package disk
