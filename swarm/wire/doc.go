// Package wire turns the messages between BitTorrent peers into bytes and
// back.
//
// It covers the handshake and every message of BEP 3, the fast extension (BEP
// 6), the extension protocol (BEP 10) with ut_metadata (BEP 9), upload_only
// (BEP 21) and lt_donthave (BEP 54), and the hash messages of BEP 52. Of port
// (BEP 5) it knows the length, so that it can be skipped. What it leaves out:
// message stream encryption, and PEX, which is a package of its own.
//
// Everything here is a pure function: no goroutine, no state, no I/O, so all
// of it is safe for concurrent use. Three kinds of names:
//
//   - Append functions append one whole message, length prefix included, and
//     allocate nothing when dst has room. Their integers must lie in
//     0..2^31-1: the caller's own numbers, not checked.
//   - Parse functions take the payload of one message, that is what follows
//     the id, and refuse any other length and every number that does not fit
//     in 31 bits. They never keep p, unless they say so. Whether an index
//     lies within the torrent is for the caller to check, once.
//   - CheckLength, for the reader of a connection, refuses a length prefix
//     before anything is allocated for it.
//
// uint32 exists only inside this package. Bit 0 of a bitset.BitSet is piece
// 0, which the wire puts into the high bit of the first byte.
package wire
