// Package kv opens the bbolt databases of p2pfs, by one rule: a file is looked
// through whole before bbolt sees a byte of it, and one that is damaged is set
// aside, with one line in the log, and begun anew. What stands in these
// databases can be had again, from files or from other members; a program that
// does not start, or shows less than there is, is worth more trouble than that.
//
// # Why whole, and why not by bbolt
//
// bbolt maps its file and believes it: a flipped bit ends in an index out of
// range or an endless loop, a file that was cut in SIGBUS, and a free list that
// names a page in use loses what is written next. Its own check runs on the same
// map and, where the free list has to be rebuilt, panics in a goroutine of its
// own that nobody can guard. Open therefore reads the file by ReadAt: both meta
// pages, each page that can be reached, bounds, order of keys, the free list.
// Values are for Config.Check, mostly by way of Unseal.
//
// # Damage while it is open
//
// View and Update turn a panic of bbolt, and the fault of a page that the disk
// does not give, into ErrDamaged. From then on every call returns it, and none
// goes near the file, whose locks may be lost, until Renew has begun a new one.
//
// Everything here is safe for concurrent use.
package kv
