package serve

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/record"
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
func (s *Files) verify(of *openFile, ctime, off, n int64) error {
	of.vmu.Lock()
	defer of.vmu.Unlock()
	if ctime == of.trusted.Load() || n == 0 {
		return nil
	}
	pl := metainfo.PieceLength(of.e.ID.Size)
	count := uint((of.e.ID.Size + pl - 1) / pl)
	if of.good == nil || of.ctime != ctime {
		of.ctime, of.good = ctime, bitset.New(count)
	}
	old := isOld(ctime)
	h, err := s.Hashes(of.e)
	if err != nil {
		return ErrChanged
	}
	for i := uint(off / pl); i <= uint((off+n-1)/pl); i++ {
		if of.good.Test(i) {
			continue
		}
		if err := of.verifyPiece(h, int64(i), pl); err != nil {
			if err == ErrChanged {
				s.Doubt(of.e, Unhashed)
			}
			return err
		}
		if old { // else a write might follow that the change time does not tell
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
func isOld(ctime int64) bool { return inode.Young(ctime, time.Now()) == 0 }

// verifyAll verifies each piece and, if nothing moved meanwhile, trusts them.
func (s *Files) verifyAll(ctx context.Context, of *openFile, done func(n int64)) error {
	before, err := s.check(of)
	if err != nil {
		return err
	}
	h, err := s.Hashes(of.e)
	if err != nil {
		return ErrChanged
	}
	size := of.e.ID.Size
	pl := metainfo.PieceLength(size)
	for i := int64(0); i*pl < size; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		of.vmu.Lock()
		err := of.verifyPiece(h, i, pl)
		of.vmu.Unlock()
		if err != nil {
			return err
		}
		done(min(pl, size-i*pl))
	}
	after, err := s.check(of)
	if err == nil && after.CTime == before.CTime && isOld(after.CTime) {
		of.vmu.Lock()
		defer of.vmu.Unlock()
		s.trust(of, after.CTime)
	}
	return err
}

// trust records that all of a file was found right under a change time.
func (s *Files) trust(of *openFile, ctime int64) {
	m, err := inode.Stat(of.f, of.path)
	if err != nil || m.ID != of.e.ID || m.CTime != ctime {
		return
	}
	of.trusted.Store(ctime)
	of.e.CTime.Store(ctime)
	of.good, of.buf = nil, nil
	if sum, ok := s.Records.Find(of.e.ID); ok && sum.Root == of.e.Root {
		sum.CTime, sum.Sound = ctime, true
		s.Records.Put(of.e.ID, sum, nil)
	}
}

// verifyPiece reads and hashes one piece (BEP 52).
func (of *openFile) verifyPiece(h *record.Hashes, i, pl int64) error {
	size := of.e.ID.Size
	want, leaves := of.e.Root, 1<<hashing.NewTree(of.e.Root, size, pl).PieceLayer
	switch {
	case int(i) < len(h.Layer):
		want = h.Layer[i]
	case len(h.Layer) > 0:
		return ErrChanged
	}
	if of.buf == nil {
		of.buf = make([]byte, 64<<10)
	}
	have := make([]metainfo.Hash256, 0, leaves)
	end := min((i+1)*pl, size)
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
