package assembly

import (
	"crypto/sha256"

	"p2pfs/swarm/metainfo"
)

// A Job is a piece whose blocks are all here, to be verified.
type Job struct {
	Piece  int
	Data   Span
	From   []int              // who sent each block
	Want2  *metainfo.Hash256  // what it hashes to in version 2; nil: not known, and the SHA-1 has to do
	Leaves []metainfo.Hash256 // of all its blocks, or nil; zero: not known

	OK1, OK2 bool  // as version 1 and 2 have it; what a torrent has not passes
	Bad      []int // blocks that their leaves prove false
}

// Good reports whether the piece has verified.
func (j *Job) Good() bool { return j.OK1 && j.OK2 }

// Verify checks one piece, or two of version 1 and of one size at once, against
// every hash there is for them. It takes some milliseconds a MiB.
func Verify(jobs []*Job, info *metainfo.Info) {
	if len(jobs) == 2 {
		a, b := jobs[0], jobs[1]
		a.OK1, b.OK1 = info.VerifyPair1(a.Piece, b.Piece, a.Data.Bytes(), b.Data.Bytes())
		a.OK2, b.OK2 = true, true
		return
	}
	for _, j := range jobs {
		j.verify(info)
	}
}

// verify checks a piece; a hash that there is none of passes.
func (j *Job) verify(info *metainfo.Info) {
	blocks := j.Data.Bytes()
	switch {
	case !info.V2:
		j.OK1, j.OK2 = info.VerifyPiece1(j.Piece, blocks), true
	case j.Want2 == nil:
		j.OK1 = !info.V1 || info.VerifyPiece1(j.Piece, blocks)
		j.OK2 = j.OK1
	case !info.V1:
		j.OK1, j.OK2 = true, info.VerifyPiece2(j.Piece, *j.Want2, blocks)
	default:
		j.OK1, j.OK2 = info.VerifyBoth(j.Piece, *j.Want2, blocks)
	}
	if j.OK2 || len(j.Leaves) < len(blocks) {
		return
	}
	for n, b := range blocks {
		if !j.Leaves[n].IsZero() && sha256.Sum256(b) != j.Leaves[n] {
			j.Bad = append(j.Bad, n)
		}
	}
}
