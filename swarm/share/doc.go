// Package share publishes a directory: it finds the files in it, waits until
// nobody writes to them, hashes each once, and makes of each two torrents with
// the same pieces, of version 1 (BEP 3) and 2 (BEP 52).
//
// # From a file to a torrent
//
// Each directory is watched (inotify) before it is read, and all are read
// again every minute, as well as when events were lost. A file that is new or
// has changed is settled when no writer has it open: a read lease is taken and
// given back at once, never held. Where leases do not tell (network
// filesystems, files of others) its size and time must have stood still for
// two seconds. It is asked again after hashing. A file whose hashing is done
// is published when the result is in the hash store; one that changes again
// and again is hashed ever more rarely, after 2, 4, ... 300 seconds.
//
// What replaces a published file becomes visible when it is hashed; until then
// the old version is listed, but a Reader refuses it.
//
// # The hash store
//
// Results are kept in State/hashes.db (see kv) under device, inode, size and
// modification time: what was renamed, or was there before a restart, is not
// hashed again. The change time at hashing is kept besides. A file with
// another one (a rename and chmod move it, and so does who puts the
// modification time back) is published at once, but each piece of it is
// verified when it is first read through a Reader; when all have been, the new
// change time is recorded. So it is with every file after a run that did not
// end by Close, if the machine was started or the filesystem mounted since: a
// power cut may leave other bytes under the size and times that were hashed.
// For the same reason a record is stored when the file's data is on disk; its
// publication does not wait for that. Records carry checksums; damaged ones are
// dropped and their files hashed again. Records without a file go after a
// month.
//
// Piece hashes stay in the database. In memory a published file takes some
// 700 bytes, path included.
//
// # What is not published
//
// Temporary names, and what a .p2pfsignore says (see IgnoreFile), are left out
// and counted. So are, with a warning, names that are not UTF-8, paths of more
// than 64 names, links that leave the directory, and all that is neither file,
// directory nor link. A directory below the share directory that is a link is
// published as a link and never gone into.
//
// # Safety
//
// All access goes through os.Root. What was found under a path counts only if
// the file that was opened there, without following a link and without
// waiting for a FIFO, is a regular one with the same inode, size and time.
//
// Everything exported is safe for concurrent use. One goroutine, the loop,
// owns the tree; some more hash, one writes the store, one calls OnChange.
package share
