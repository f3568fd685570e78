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
// two seconds. It is asked again after hashing. A file is published when it is
// hashed, while its record waits for the disk to have its data; one that changes
// again and again is hashed ever more rarely, after 2, 4, ... 300 seconds.
//
// What replaces a published file becomes visible when it is hashed; until then
// the old version is listed, but a Reader refuses it.
//
// # The rooms
//
// The loop, which belongs to one goroutine, carries what happens from one to
// the other: watch tells of events, inode what is there, tree knows the names
// and ignore which are left out; settle says when a file is read, hasher reads
// it, record keeps the result, published is what others see. What readers ask
// never passes the loop: serve gives it to them.
//
// A file is known by device, inode, size and modification time: what was
// renamed, or was there before a restart, is not hashed again. One whose change
// time is another than at hashing is published at once, but verified as it is
// read.
//
// A change costs the same however much is published: what is told of it is a
// Delta. In memory a file takes some 440 bytes, path included.
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
// owns the tree; some more hash, one writes records, one calls OnChange.
package share
