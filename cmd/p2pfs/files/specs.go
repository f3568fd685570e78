//go:build linux

package files

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// Specs says how the torrents of shared files are run: those of our own share
// directory, those that the cache has something of, and those of other members.
type Specs struct {
	Share       *share.Share
	Holdings    *Holdings
	Asked       *state.Asked
	Drive       func() *drive.Drive
	Trackers    *trackers.Trackers
	ReadTimeout time.Duration
	Log         *slog.Logger
	FromCache   fromCache // torrents that end when the share directory has their file
}

// cachedSpec serves what the cache has of a torrent. Readers here may come to
// it later, so that it finds peers as if they had begun it.
func (s *Specs) cachedSpec(meta *metainfo.MetaInfo) swarm.Spec {
	spec := swarm.Spec{
		MetaInfo: meta, Storage: s.fileStorage, Announce: swarm.OnNeed,
		ReadTimeout: s.ReadTimeout, Idle: idleTorrent,
	}
	if !meta.Info.Private {
		spec.Trackers = s.Trackers.URLs()
	}
	if meta.Info.V2 && meta.Info.Single && !meta.Info.Private {
		of := meta.Info.Content(0)
		spec.FindPeers = func(ctx context.Context) []netip.AddrPort { return s.Holders(ctx, of) }
	}
	return spec
}

// ShareSpec serves a file of the share directory. It is announced once
// somebody has asked for its magnet or torrent.
func (s *Specs) ShareSpec(meta *metainfo.MetaInfo, f share.File) swarm.Spec {
	spec := swarm.Spec{
		MetaInfo: meta, Announce: swarm.Never, Idle: idleTorrent, Trackers: s.Trackers.URLs(),
		// For readers here, should the file be removed while they read it.
		ReadTimeout: s.ReadTimeout,
		FindPeers:   func(ctx context.Context) []netip.AddrPort { return s.Holders(ctx, f.Content()) },
		Storage: func(meta *metainfo.MetaInfo) (swarm.Storage, error) {
			r, err := s.Share.Reader(f.Content())
			if err != nil {
				return nil, err
			}
			published := func() bool { _, ok := s.Share.ByContent(f.Content()); return ok }
			return &shareStorage{r: r, published: published, piece: meta.Info.PieceLength, pieces: meta.Info.Pieces.Count()}, nil
		},
	}
	if s.Asked.Has(meta.Info.InfoHashes()[0]) {
		spec.Announce, spec.Idle = swarm.Always, 0
	}
	return spec
}

// DriveSpec is the v2 torrent of a shared file: a catalogue entry is enough to
// make it. Publishers are asked for it first.
func (s *Specs) DriveSpec(name string, of metainfo.Content, publishers ...catalog.Key) (swarm.Spec, error) {
	info, err := metainfo.BuildV2(name, of.Size, metainfo.PieceLength(of.Size), of.Root, metainfo.Options{})
	if err != nil {
		return swarm.Spec{}, err
	}
	return swarm.Spec{
		MetaInfo:    &metainfo.MetaInfo{Info: info, Layers: s.Holdings.Index.Layers(of)},
		Storage:     s.fileStorage,
		Trackers:    s.Trackers.URLs(),
		Announce:    swarm.OnNeed,
		ReadTimeout: s.ReadTimeout,
		Idle:        idleTorrent,
		FindPeers:   func(ctx context.Context) []netip.AddrPort { return s.Holders(ctx, of, publishers...) },
	}, nil
}

// Holders asks the members who holds a file, the surest first: its publishers.
func (s *Specs) Holders(ctx context.Context, of metainfo.Content, publishers ...catalog.Key) []netip.AddrPort {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := s.Drive().Who(ctx, of, publishers...)
	if err != nil {
		s.Log.Debug("asking for holders", "root", of.Root, "err", err)
	}
	var out []netip.AddrPort
	for _, h := range found {
		if h.Addr.IsValid() {
			out = append(out, h.Addr)
		}
	}
	return out
}

// fileStorage is the Storage of a member's file that is not in the share
// directory.
func (s *Specs) fileStorage(meta *metainfo.MetaInfo) (swarm.Storage, error) {
	st, err := s.Holdings.Storage(meta)
	if err != nil {
		return nil, err
	}
	ih := meta.Info.InfoHashes()[0]
	s.FromCache.add(ih, 1)
	return &noted{st.(*storage), sync.OnceFunc(func() { s.FromCache.add(ih, -1) })}, nil
}

// sharedSpec is the torrent of a file that is in the share directory after all.
func (s *Specs) sharedSpec(of metainfo.Content) (swarm.Spec, bool) {
	f, ok := s.Share.ByContent(of)
	if !ok {
		return swarm.Spec{}, false
	}
	meta, err := s.Share.MetaInfo(f, share.V2)
	if err != nil {
		return swarm.Spec{}, false
	}
	return s.ShareSpec(meta, f), true
}
