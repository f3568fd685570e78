// Package swarm fetches and serves torrents: a swarm as something that you
// can read from at any offset.
//
// A Client listens, dials and holds the table of torrents. A Torrent is the
// handle of one; a Reader reads a file of it and blocks until the bytes are
// there, verified. It speaks BEP 3 with 6, 9, 10, 21, 52 and 54, and finds
// peers through trackers (BEP 3, 12, 15), other peers (BEP 11), the local
// network (BEP 14) and its caller, and dials them in the order of BEP 40. No
// DHT, no uTP, no encryption.
//
// Client, Torrent and Reader are safe for concurrent use. Everything of a
// torrent that changes belongs to one goroutine, the loop, which takes an event to
// one of its parts and does what that says: crowd for the peers that are connected,
// finder for where there are more, learning for metadata, fetching for what is asked
// of peers, verifying for what comes of it, serving for what they ask of us, reasons
// for what a reader waits for. These know one another as far as they have to, and
// rest on packages: reads for who waits for what, assembly for blocks, pieces and
// what peers owe us, hashes for what BEP 52 adds, upload for what we send, metadata
// for info dictionaries, announce, book and places for where peers are and who
// stays. Those know no connection, goroutine or clock.
//
// # A cold read
//
// A read of a mounted file that has to wait for a peer stands in the mount's
// process as
//
//	swarm.(*Reader).fetch           posts a want, waits for its answer
//	swarm.(*Reader).ReadAt          asks the Storage, once
//	cmd/p2pfs/tree.(*reading).ReadAt
//	fs.(*handle).readAt
//	fs.(*handle).readAhead
//	fs.(*handle).read
//	fs.(*call).read
//	fs.(*server).read
//
// and its want lies in the loop's Reads, until the loop has a piece verified, or
// the leaf of a block. A warm one goes on from Reader.ReadAt to the Storage, which
// answers with the bytes or ErrMissing, and the loop does not hear of it. What
// the mount asks before, Present, only tells whether the program is let in and
// how long the kernel is kept waiting for what it reads ahead.
//
// # Words
//
// They are those of the BEPs and of libtorrent.
//
//	piece      the unit that has a hash in the metainfo
//	block      at most 16 KiB of a piece, the unit of a request
//	leaf       the SHA-256 of a block; layer: those of a file's pieces (BEP 52)
//	want       blocks of a piece that a read waits for
//	window     blocks that are fetched ahead of a reader
//	urgent     what the picker asks for before all else
//	have       a piece is verified and in the storage
//	whole      all of a piece, or of a torrent, is here
//	snubbed    a peer owes us blocks and has sent none for 10 s
//	depth      how many blocks are asked of a peer at once
//	evicted    the storage has dropped a piece
package swarm
