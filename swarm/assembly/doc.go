// Package assembly makes verified pieces of blocks, and keeps account of the
// peers that they are asked of.
//
// [Assembly] has the bytes between the network and the storage: the blocks of
// pieces that are coming in, and verified pieces that are not stored. A [Job] is a
// piece that has come whole, to be verified wherever there is time for it. What
// turns out false comes back as [False]: who sent it. [Requests] is what was asked
// of one peer and how quickly it answers, which tells how much more to ask.
//
// It knows no connection, no storage and no reader: peers are numbers, buffers
// are lent and given back, and the hashing of a Job and its writing are up to the
// caller. Nothing in it blocks, starts a goroutine, looks at a clock or has a
// lock: times come in with calls. Nothing is safe for concurrent use but Jobs,
// which whoever verifies them has for himself; a torrent's goroutine owns the
// rest.
//
// Invariants: a buffer that was added is released once, by whoever has its piece:
// Assembly until Take, the Job's owner from then on, Assembly again after Good
// until Stored. The blocks of a piece are in exactly one of these: coming in, in
// a Job, being written, refused by the storage.
package assembly
