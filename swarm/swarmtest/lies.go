package swarmtest

import (
	"context"
	"slices"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// metadataLiars lie in ut_metadata (BEP 9).
func metadataLiars() []Bad {
	size := func(name string, n int) Bad {
		return Bad{Name: "metadata size " + name, Make: func(tor *Torrent) Behaviour { return MetadataSize(tor, n) }}
	}
	return []Bad{
		size("of 2 GiB", 1<<31-1), size("of 16 MiB", 16<<20), size("of 1", 1), size("not told", 0),
		{Name: "metadata wrong", Make: MetadataWrong},
		{Name: "metadata rejected", Make: MetadataRejected},
		{Name: "metadata never sent", Make: func(tor *Torrent) Behaviour {
			return metadata(tor, func(*Session, wire.Metadata) error { return nil })
		}},
		{Name: "metadata pieces short", Make: MetadataShort},
		{Name: "metadata size changes", Make: MetadataChanges},
		{Name: "metadata of another piece", Make: func(tor *Torrent) Behaviour {
			return metadata(tor, func(s *Session, m wire.Metadata) error { return s.SendMetadata(m.Piece+1, tor.Info.Raw) })
		}},
	}
}

func metadata(tor *Torrent, f func(*Session, wire.Metadata) error) Behaviour {
	return (&Seeder{Torrent: tor, Metadata: f}).Behave
}

// MetadataSize tells n as the length of the info dictionary, and serves as
// many bytes, of which those that exist are true. 0 is not telling.
func MetadataSize(tor *Torrent, n int) Behaviour {
	sd := &Seeder{Torrent: tor, Extended: func(h *wire.ExtendedHandshake) { h.MetadataSize = n }}
	sd.Metadata = func(s *Session, m wire.Metadata) error {
		if n == 0 {
			return s.SendMetadata(m.Piece, tor.Info.Raw)
		}
		start := m.Piece * wire.MetadataPiece
		m.Type, m.TotalSize, m.Data = wire.MetadataData, n, make([]byte, max(0, min(n-start, wire.MetadataPiece)))
		if start < len(tor.Info.Raw) {
			copy(m.Data, tor.Info.Raw[start:])
		}
		return s.Send(wire.AppendMetadata(nil, byte(s.Ext[wire.ExtMetadata]), m))
	}
	return sd.Behave
}

// MetadataWrong serves metadata of the right length with one byte changed.
func MetadataWrong(tor *Torrent) Behaviour {
	raw := corrupt(tor.Info.Raw)
	return metadata(tor, func(s *Session, m wire.Metadata) error { return s.SendMetadata(m.Piece, raw) })
}

// MetadataRejected rejects every request for metadata.
func MetadataRejected(tor *Torrent) Behaviour {
	return metadata(tor, func(s *Session, m wire.Metadata) error { return s.SendMetadata(m.Piece, nil) })
}

// MetadataShort sends pieces without their last byte.
func MetadataShort(tor *Torrent) Behaviour {
	return metadata(tor, func(s *Session, m wire.Metadata) error {
		start := m.Piece * wire.MetadataPiece
		end := min(start+wire.MetadataPiece, len(tor.Info.Raw)) - 1
		if start > end {
			return s.SendMetadata(m.Piece, nil)
		}
		m.Type, m.TotalSize, m.Data = wire.MetadataData, len(tor.Info.Raw), tor.Info.Raw[start:end]
		return s.Send(wire.AppendMetadata(nil, byte(s.Ext[wire.ExtMetadata]), m))
	})
}

// MetadataChanges tells another size with each piece.
func MetadataChanges(tor *Torrent) Behaviour {
	return func(ctx context.Context, c *Conn) error {
		grown := 0
		return metadata(tor, func(s *Session, m wire.Metadata) error {
			grown++
			return s.SendMetadata(m.Piece, slices.Concat(tor.Info.Raw, make([]byte, grown)))
		})(ctx, c)
	}
}

// hashLiars lie in the hash messages of BEP 52; of a v1 torrent they are
// honest.
func hashLiars() []Bad {
	return []Bad{
		{Name: "hashes wrong", Make: HashesWrong},
		{Name: "hashes rejected", Make: HashesRejected},
		{Name: "hashes never sent", Make: func(tor *Torrent) Behaviour {
			return hashingFor(tor, func(*Session, hashing.HashRequest) error { return nil })
		}},
		{Name: "hashes for another request", Make: HashesElsewhere},
	}
}

func hashingFor(tor *Torrent, f func(*Session, hashing.HashRequest) error) Behaviour {
	return (&Seeder{Torrent: tor, Hashes: f}).Behave
}

// HashesWrong answers hash requests with one bit wrong.
func HashesWrong(tor *Torrent) Behaviour {
	return hashingFor(tor, func(s *Session, r hashing.HashRequest) error {
		hashes, uncles, ok := tor.trees[r.Root].answer(r)
		if !ok {
			return s.Send(wire.AppendHashReject(nil, r))
		}
		hashes = append([]metainfo.Hash256(nil), hashes...)
		hashes[len(hashes)-1][7] ^= 1
		return s.Send(wire.AppendHashes(nil, r, hashes, uncles))
	})
}

// HashesRejected rejects all hash requests.
func HashesRejected(tor *Torrent) Behaviour {
	return hashingFor(tor, func(s *Session, r hashing.HashRequest) error { return s.Send(wire.AppendHashReject(nil, r)) })
}

// HashesElsewhere answers a hash request with the hashes of another index.
func HashesElsewhere(tor *Torrent) Behaviour {
	return hashingFor(tor, func(s *Session, r hashing.HashRequest) error {
		r.Index ^= r.Length
		return s.SendHashes(r)
	})
}

// SeedMode answers hash requests as libtorrent in seed mode does: leaf hashes
// only after a block of their piece was asked for. It is honest.
func SeedMode(tor *Torrent) Behaviour {
	return func(ctx context.Context, c *Conn) error {
		asked := make(map[int]bool)
		return (&Seeder{
			Torrent: tor,
			Request: func(s *Session, b wire.Block) error {
				asked[b.Index] = true
				return s.Answer(b)
			},
			Hashes: func(s *Session, r hashing.HashRequest) error {
				file, _ := tor.Info.FileByRoot(r.Root)
				piece, _ := tor.Info.Pieces.At(file, int64(r.Index)*hashing.BlockSize)
				if r.BaseLayer == 0 && !asked[piece] {
					return s.Send(wire.AppendHashReject(nil, r))
				}
				return s.SendHashes(r)
			},
		}).Behave(ctx, c)
	}
}
