package share

import (
	"context"
	"errors"
	"io/fs"

	"p2pfs/swarm/metainfo"
)

// Verify reads all of a published file and compares each piece with its hash,
// whatever is believed of it, and calls done with the bytes of each. A file that
// is not what was published is hashed again, and the error wraps ErrChanged. It
// is fs.ErrNotExist if f is not published (any more), else that of the disk or
// of ctx. It does not wait for the loop, and other readers of the file for one
// piece at most.
func (s *Share) Verify(ctx context.Context, f File, done func(n int64)) error {
	e, ok := s.index.entry(f)
	if !ok {
		return &fs.PathError{Op: "verify", Path: f.Path, Err: fs.ErrNotExist}
	}
	of, err := s.open.take(e.id)
	if of == nil && err == nil {
		of, err = s.open.openEntry(e)
	}
	if err != nil {
		return err
	}
	defer s.open.release(of)
	if err = s.verifyAll(ctx, of, done); errors.Is(err, ErrChanged) {
		s.open.discard(of)
		s.poke(e, pokeHash)
	}
	return err
}

// verifyAll verifies each piece and, if nothing moved meanwhile, trusts them.
func (s *Share) verifyAll(ctx context.Context, of *openFile, done func(n int64)) error {
	before, err := s.check(of)
	if err != nil {
		return err
	}
	h, err := s.hashesOf(of.e)
	if err != nil {
		return ErrChanged
	}
	pl := metainfo.PieceLength(of.e.Size)
	for i := int64(0); i*pl < of.e.Size; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		of.vmu.Lock()
		err := of.verifyPiece(h, i, pl)
		of.vmu.Unlock()
		if err != nil {
			return err
		}
		done(min(pl, of.e.Size-i*pl))
	}
	after, err := s.check(of)
	if err == nil && after.ctime == before.ctime && s.isOld(after.ctime) {
		of.vmu.Lock()
		defer of.vmu.Unlock()
		s.trust(of, after.ctime)
	}
	return err
}
