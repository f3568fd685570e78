// Package metainfo knows what a torrent says about itself: info
// dictionaries of version 1 (BEP 3), version 2 (BEP 52) and both at once
// (hybrid), .torrent files, magnet links (BEP 9, 53), and all arithmetic on
// pieces, blocks and files. It hashes nothing itself: see swarm/hashing.
//
// It implements BEP 3, 9 (the magnet form), 12 (tracker tiers), 47 (pad
// files, exec and symlink attributes; the sha1 attribute is ignored), 52 and
// 53. BEP 30 merkle torrents and "nodes" (BEP 5) are left out.
//
// # Piece space
//
// Pieces are numbered through one address space. Version 1 lays all files end
// to end in it, pad files too. Version 2 begins every file that is not empty
// at a multiple of the piece length; the gap behind a file's end belongs to
// nobody. In a hybrid, version 1 fills that gap with a pad file, so that both
// agree. What is asked of peers is Pieces.Size bytes of a piece: in version 2
// and hybrids the gap is left out.
//
// # Safety
//
// Everything here is safe for bytes from strangers: each length, name and sum
// is checked before it is used, a parse takes memory in proportion to its
// input (at most about eight times, see ParseInfo) and no function panics on
// foreign data. Methods with an index parameter panic when it is out of
// range: check indexes where they enter, with Pieces.CheckBlock or against
// Pieces.Count.
//
// An Info is immutable and safe for concurrent use.
package metainfo
