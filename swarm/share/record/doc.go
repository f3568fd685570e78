// Package record keeps the results of hashing files, under the inode, size and
// modification time that a file had.
//
// What is put is found at once, and goes to a database (see kv) behind that, in
// batches: a record is stored when the file's data is known to be on disk, one
// flush of the filesystem a batch. The change time at hashing is kept besides.
// Records carry checksums; damaged ones are dropped. Those without a file go
// after a month.
//
// # After a power cut
//
// A power cut may take back what a file held when it was hashed and leave its
// size and times as they were: zeros, where room for it was allotted before, or
// what stood there before it was written over. Two things keep such bytes from
// being served under a hash that is valid. A record waits for its data. And
// records hold for an epoch: they are Sound until a run ends without Close and
// the machine, or the filesystem's mount, is another one when the next begins.
// From then on it is the caller's to verify bytes before they are served, and
// to put the record anew when all are right.
//
// The package knows no paths, and opens no files. A Store is safe for concurrent
// use; one goroutine of its own writes. Its mutex is held for map operations
// only, never across a transaction.
package record
