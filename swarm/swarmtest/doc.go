// Package swarmtest helps tests of whatever talks BitTorrent. Nothing else
// may import it.
//
//   - Torrents: Make builds a torrent of any version (BEP 3, 47, 52) over
//     deterministic bytes, with its own merkle trees, so that what is under
//     test is not checked against itself.
//   - Peers scripted at the wire: Conn sends and expects raw bytes and
//     messages; a Behaviour serves a Torrent honestly or in one of the ways
//     of Hostile.
//   - Links: a Link delays, limits, cuts and heals what its relays carry.
//   - Leaks: CheckLeaks.
//   - Real clients of Debian's packages, each on an address of its own in
//     127.0.0.0/8, ended with the test: Opentracker, Libtorrent, Aria2,
//     Transmission, Rtorrent, Mktorrent. See Need for what happens where a
//     program is missing.
//
// All traffic stays on loopback. Functions that take a testing.TB end the
// test when they fail, so they belong on its goroutine; those that return an
// error may be called anywhere.
package swarmtest
