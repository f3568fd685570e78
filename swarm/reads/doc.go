// Package reads knows who waits for which blocks of a torrent, and what they
// will probably want next.
//
// [Wants] are what blocked reads wait for, [Streams] the places of an open file
// that are read on from, [Reads] all that is wanted of a torrent by readers: it
// makes the picker's list of what is urgent of it. [Causes] puts into words why
// nothing comes.
//
// It knows no storage, no peer and no metadata: pieces and blocks are numbers to
// it, and what it must know of them it asks a [Torrent]. Nothing in it blocks,
// starts a goroutine, looks at a clock or has a lock: times come in with calls,
// and whoever is to be answered goes out as a list. Nothing is safe for
// concurrent use; a torrent's goroutine owns its Reads and Causes, an open file
// its Streams.
//
// Invariants: a want is in Wants from Add until one of Withdraw, Take, TakeIf
// and TakeAll, and is handed out at most once; a piece has a time of progress as
// long as it has wants.
package reads
