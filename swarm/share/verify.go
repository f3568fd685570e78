package share

import (
	"io"
	"math/bits"
	"sync"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// verifier remembers which pieces of an open file fit their hashes. The lock
// is held while a piece is read and hashed: who waits for it waits for the
// same file's bytes.
type verifier struct {
	vmu   sync.Mutex
	ctime int64 // the pieces in good were verified under this change time
	good  *bitset.BitSet
	buf   []byte
}

// verify makes sure that the pieces under a range fit their hashes, as the
// file's change time is not the one it was hashed under. When all pieces have
// been verified, that is kept: the file is as good as freshly hashed.
func (s *Share) verify(of *openFile, ctime, off, n int64) error {
	of.vmu.Lock()
	defer of.vmu.Unlock()
	if ctime == of.trusted.Load() || n == 0 {
		return nil
	}
	pl := metainfo.PieceLength(of.e.Size)
	count := uint((of.e.Size + pl - 1) / pl)
	if of.good == nil || of.ctime != ctime {
		of.ctime, of.good = ctime, bitset.New(count)
	}
	young := !s.isOld(ctime)
	h, err := s.hashesOf(of.e)
	if err != nil {
		return ErrChanged
	}
	for i := uint(off / pl); i <= uint((off+n-1)/pl); i++ {
		if of.good.Test(i) {
			continue
		}
		if err := of.verifyPiece(h, int64(i), pl); err != nil {
			if err == ErrChanged {
				s.poke(of.e, pokeHash)
			}
			return err
		}
		if !young { // else a write might follow that the change time does not tell
			of.good.Set(i)
		}
	}
	if of.good.Count() == count {
		s.trust(of, ctime)
	}
	return nil
}

// isOld reports whether a change right behind one at ctime would have another
// change time.
func (s *Share) isOld(ctime int64) bool {
	return youngUntil(ctime, time.Now(), s.timing.young).IsZero()
}

// trust records that all of a file was found right under a change time.
func (s *Share) trust(of *openFile, ctime int64) {
	m, err := statFile(of.f, of.e.Path)
	if err != nil || m.ident != of.e.id || m.ctime != ctime {
		return
	}
	of.trusted.Store(ctime)
	of.e.ctime.Store(ctime)
	of.good, of.buf = nil, nil
	var found summary
	s.store.lookup([]meta{{ident: of.e.id}}, func(_ int, sum summary) { found = sum })
	if found.root == of.e.Root {
		found.ctime, found.epoch = ctime, s.store.epoch.Load()
		s.store.put(of.e.id, found, nil)
	}
}

// verifyPiece reads and hashes one piece (BEP 52).
func (of *openFile) verifyPiece(h *hashes, i, pl int64) error {
	want, leaves := of.e.Root, int(pl/hashing.BlockSize)
	switch {
	case int(i) < len(h.layer):
		want = h.layer[i]
	case len(h.layer) > 0:
		return ErrChanged
	default: // the file is one piece, its tree no wider than need be
		blocks := uint64((of.e.Size + hashing.BlockSize - 1) / hashing.BlockSize)
		leaves = 1 << bits.Len64(blocks-1)
	}
	if of.buf == nil {
		of.buf = make([]byte, 64<<10)
	}
	have := make([]metainfo.Hash256, 0, leaves)
	end := min((i+1)*pl, of.e.Size)
	for at := i * pl; at < end; {
		part := of.buf[:min(int64(len(of.buf)), end-at)]
		if _, err := of.f.ReadAt(part, at); err == io.EOF {
			return ErrChanged
		} else if err != nil {
			return err
		}
		at += int64(len(part))
		have = hashing.AppendLeaves(have, part)
	}
	if hashing.Root(have, leaves) != want {
		return ErrChanged
	}
	return nil
}
