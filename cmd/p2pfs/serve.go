//go:build linux

package main

import (
	"context"
	"errors"
	"net/netip"

	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// errReadOnly is a write into the share directory's torrents, which have every
// piece.
var errReadOnly = errors.New("share directory is not written to")

// lookup makes the torrent that a peer asks for, if the share directory or the
// cache has it.
func (m *member) lookup(ih metainfo.Hash) (swarm.Spec, bool) {
	if f, v, ok := m.share.Lookup(ih); ok {
		meta, err := m.share.MetaInfo(f, v)
		if err != nil {
			m.log.Warn("torrent of a shared file", "path", f.Path, "err", err)
			return swarm.Spec{}, false
		}
		if v == share.V1 { // an ordinary client: others like it may come
			m.remember(ih, false)
		}
		return m.shareSpec(meta, f), true
	}
	if all := m.twins.with(ih); len(all) > 0 {
		return serveTwin(all)
	}
	if meta := m.holdings.index.MetaInfo(ih); meta != nil {
		return m.cachedSpec(meta), true
	}
	return swarm.Spec{}, false
}

// cachedSpec serves what the cache has of a torrent. Readers here may come to
// it later, so that it finds peers as if they had begun it.
func (m *member) cachedSpec(meta *metainfo.MetaInfo) swarm.Spec {
	s := swarm.Spec{
		MetaInfo: meta, Storage: m.fileStorage, Announce: swarm.OnNeed,
		ReadTimeout: m.cfg.readTimeout, Idle: idleTorrent,
	}
	if !meta.Info.Private {
		s.Trackers = m.trackers.urls()
	}
	if meta.Info.V2 && meta.Info.Single && !meta.Info.Private {
		of := meta.Info.Content(0)
		s.FindPeers = func(ctx context.Context) []netip.AddrPort { return m.holders(ctx, of) }
	}
	return s
}

// shareSpec serves a file of the share directory. It is announced once
// somebody has asked for its magnet or torrent.
func (m *member) shareSpec(meta *metainfo.MetaInfo, f share.File) swarm.Spec {
	s := swarm.Spec{
		MetaInfo: meta, Announce: swarm.Never, Idle: idleTorrent, Trackers: m.trackers.urls(),
		// For readers here, should the file be removed while they read it.
		ReadTimeout: m.cfg.readTimeout,
		FindPeers:   func(ctx context.Context) []netip.AddrPort { return m.holders(ctx, f.Content()) },
		Storage: func(meta *metainfo.MetaInfo) (swarm.Storage, error) {
			r, err := m.share.Reader(f.Content())
			if err != nil {
				return nil, err
			}
			published := func() bool { _, ok := m.share.ByContent(f.Content()); return ok }
			return &shareStorage{r: r, published: published, piece: meta.Info.PieceLength, pieces: meta.Info.Pieces.Count()}, nil
		},
	}
	if m.asked.has(meta.Info.InfoHashes()[0]) {
		s.Announce, s.Idle = swarm.Always, 0
	}
	return s
}

// shareStorage reads pieces from a file of the share directory.
type shareStorage struct {
	r         *share.Reader
	published func() bool
	piece     int64
	pieces    int
}

func (s *shareStorage) Has(piece int) bool { return piece < s.pieces && s.published() }

func (s *shareStorage) ReadAt(p []byte, piece int, begin int64) (int, error) {
	return s.r.ReadAt(p, int64(piece)*s.piece+begin)
}

func (s *shareStorage) WritePiece(int, [][]byte) error { return errReadOnly }

func (s *shareStorage) Close() error { return s.r.Close() }

// Holders answers another member that asks who has a file: ourselves, if
// we have something of it.
func (m *member) Holders(of metainfo.Content) []drive.Holder {
	_, shared := m.share.ByContent(of)
	if shared || m.holdings.index.Local(of) == of.Size {
		return []drive.Holder{{Pieces: drive.Pieces{All: true}}}
	}
	here := m.holdings.index.Pieces(of)
	if here == nil {
		return nil
	}
	bits := make([]byte, (here.Len()+7)/8)
	for i, ok := here.NextSet(0); ok; i, ok = here.NextSet(i + 1) {
		bits[i/8] |= 0x80 >> (i % 8)
	}
	return []drive.Holder{{Pieces: drive.Pieces{All: here.All(), Bits: bits}}}
}

// Object serves tiny files to members.
func (m *member) Object(h catalog.Hash) ([]byte, bool) { return m.localTiny(h) }
