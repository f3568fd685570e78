//go:build linux

package files

import (
	"context"
	"crypto/sha1"
	"errors"
	"sync"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// twinPatience is how long a peer waits while the v1 metadata of a cached file
// is made. One that is larger than can be hashed meanwhile is ready when the
// peer comes again.
const twinPatience = 5 * time.Second

// twinStorage is the Storage of a v1 torrent whose pieces are in the cache
// under their v2 hash.
type twinStorage struct {
	t    *twin
	info *metainfo.Info // of version 1

	mu        sync.Mutex     // guards what follows
	good, bad *bitset.BitSet // pieces whose SHA-1 was compared
}

// storage is part of Specs.
func (t *twin) storage(m *metainfo.MetaInfo) (swarm.Storage, error) {
	in := m.Info
	if len(in.Files) != 1 || in.Files[0].Length != t.Of.Size || in.PieceLength != t.info.PieceLength {
		t.broke()
		return nil, errTwins
	}
	n := uint(in.Pieces.Count())
	return &twinStorage{t: t, info: in, good: bitset.New(n), bad: bitset.New(n)}, nil
}

// Has is part of swarm.Storage.
func (s *twinStorage) Has(piece int) bool {
	if s.t.ts.unproven.get(s.t, piece) != nil {
		return true
	}
	h, ok := s.t.pieceRoot(piece)
	if !ok || !s.t.ts.Holdings.Index.Has(held.RootKey(h), s.t.info.Pieces.Size(piece)) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.bad.Test(uint(piece))
}

// ReadAt is part of swarm.Storage. A piece that came as one of version 2 is
// compared with its SHA-1 first, once.
func (s *twinStorage) ReadAt(p []byte, piece int, begin int64) (int, error) {
	if n, err := s.t.ts.unproven.readAt(s.t, p, piece, begin); !errors.Is(err, swarm.ErrMissing) {
		return n, err
	}
	h, ok := s.t.pieceRoot(piece)
	if !ok || !s.verified(piece, h) {
		return 0, swarm.ErrMissing
	}
	return s.t.ts.Cache.ReadAt(held.RootKey(h), p, begin)
}

// verified reports whether a piece of the cache has the SHA-1 that it needs.
func (s *twinStorage) verified(piece int, h metainfo.Hash256) bool {
	s.mu.Lock()
	good := s.good.Test(uint(piece))
	s.mu.Unlock()
	if good {
		return true
	}
	sum, err := s.t.sum(piece, h)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sum != s.info.Pieces.SHA1(piece) {
		s.bad.Set(uint(piece))
		return false
	}
	s.good.Set(uint(piece))
	return true
}

// WritePiece is part of swarm.Storage.
func (s *twinStorage) WritePiece(piece int, blocks [][]byte) error {
	if err := s.t.stored(piece, blocks); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good.Set(uint(piece))
	return nil
}

// Close is part of swarm.Storage; the cache stays open. What nothing has proven
// by now is dropped.
func (s *twinStorage) Close() error {
	s.t.ts.unproven.take(s.t)
	return nil
}

// sum is the SHA-1 of a piece of the cache.
func (t *twin) sum(piece int, h metainfo.Hash256) (metainfo.Hash, error) {
	buf := make([]byte, t.info.Pieces.Size(piece))
	if _, err := t.ts.Cache.ReadAt(held.RootKey(h), buf, 0); err != nil {
		return metainfo.Hash{}, err
	}
	return sha1.Sum(buf), nil
}

// MetaInfo is the v1 metadata: kept from an earlier time, or made from the
// cache if all of the file is there.
func (t *twin) MetaInfo(ctx context.Context) (*metainfo.MetaInfo, error) {
	if m := t.ts.Holdings.Sidecars.Load(t.v1); m != nil {
		return m, nil
	}
	if t.isBroken() {
		return nil, errTwins
	}
	if !t.whole() {
		return nil, swarm.ErrMissing
	}
	var sums []metainfo.Hash
	for i := range t.info.Pieces.Count() {
		h, _ := t.pieceRoot(i)
		sum, err := t.sum(i, h)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	info, err := metainfo.BuildV1(t.name, t.Of.Size, t.info.PieceLength, sums, metainfo.Options{})
	if err != nil {
		return nil, err
	}
	if info.HashV1 != t.v1 {
		t.broke()
		return nil, errTwins
	}
	m := &metainfo.MetaInfo{Info: info}
	t.ts.Holdings.Sidecars.Save(t.v1, m)
	return m, nil
}

// serveTwin is the v1 torrent of the first of some twins that has anything to
// give.
func serveTwin(all []*twin) (swarm.Spec, bool) {
	for _, t := range all {
		if t.ts.Holdings.Index.Local(t.Of) == 0 {
			continue
		}
		if s, ok := t.serve(); ok {
			return s, true
		}
	}
	return swarm.Spec{}, false
}

// serve is the v1 torrent for a peer that asks for it; false if we have nothing
// to give, or not yet.
func (t *twin) serve() (swarm.Spec, bool) {
	made := make(chan *metainfo.MetaInfo, 1)
	select {
	case t.turn <- struct{}{}: // one at a time; others come again
	default:
		return swarm.Spec{}, false
	}
	go func() {
		defer func() { <-t.turn }()
		var m *metainfo.MetaInfo
		t.ts.Guard.Do(func() { m, _ = t.MetaInfo(t.ts.Ctx) })
		made <- m
	}()
	ctx, cancel := context.WithTimeout(t.ts.Ctx, twinPatience)
	defer cancel()
	select {
	case m := <-made:
		if m == nil || t.ts.Holdings.Index.Local(t.Of) == 0 {
			return swarm.Spec{}, false
		}
		s := t.Spec()
		s.Magnet, s.MetaInfo, s.Announce = nil, m, swarm.Never
		return s, true
	case <-ctx.Done():
		return swarm.Spec{}, false
	}
}
