//go:build linux

package member

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/files"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/keep"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/cmd/p2pfs/tree"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// linker has the torrents that are in a mount, and gives those of its files to
// others. It is a control.Torrents.
type linker struct {
	tree     *tree.Tree
	torrents *tree.Torrents
	share    *share.Share
	index    *held.Index
	specs    *files.Specs
	asking   *files.Asking
	twins    *files.Twins
	client   func() *swarm.Client
	trackers *trackers.Trackers
}

// Magnet is what the control socket asks for.
func (l *linker) Magnet(ctx context.Context, at control.Location, v2 bool) (string, error) {
	meta, err := l.metainfoOf(ctx, at, v2)
	if err != nil {
		return "", err
	}
	mag := meta.Magnet()
	mag.Trackers = l.trackers.Public(meta)
	if meta.Info.Private { // peers are its trackers' to name (BEP 27)
		return mag.String(), nil
	}
	for _, a := range l.magnetPeers(ctx, at) {
		if l.trackers.Tells(a.Addr()) {
			mag.Peers = append(mag.Peers, a.String())
		}
	}
	return mag.String(), nil
}

// magnetPeers are those who surely have the file: ourselves, or the members
// that hold it.
func (l *linker) magnetPeers(ctx context.Context, at control.Location) []netip.AddrPort {
	own := []netip.AddrPort{trackers.Reachable(l.client().Addr())}
	n, err := l.tree.Find(at.Path)
	if at.Share || err != nil || n.Shared == nil {
		return own
	}
	of := files.ContentOf(n.Shared)
	if _, ok := l.share.ByContent(of); ok {
		return own
	}
	if l.index.Local(of) == 0 {
		own = nil
	}
	return append(own, l.specs.Holders(ctx, of)...)
}

// Export is what the control socket asks for.
func (l *linker) Export(ctx context.Context, at control.Location, v2 bool) ([]byte, error) {
	meta, err := l.metainfoOf(ctx, at, v2)
	if err != nil {
		return nil, err
	}
	out := *meta
	out.Trackers = nil
	for _, url := range l.trackers.Public(meta) {
		out.Trackers = append(out.Trackers, []string{url})
	}
	return out.Marshal()
}

// metainfoOf finds the torrent of a file and, where it is ours to serve, has
// it announced: somebody is about to ask for it.
func (l *linker) metainfoOf(ctx context.Context, at control.Location, v2 bool) (*metainfo.MetaInfo, error) {
	if at.Share {
		f, ok := l.share.Find(at.Path)
		if !ok || f.Kind != share.Regular {
			return nil, keep.ErrNotPublished
		}
		return l.sharedMetaInfo(f, v2)
	}
	n, err := l.tree.Find(at.Path)
	switch {
	case err != nil:
		return nil, err
	case n.Torrent != nil || n.Kind == p2fs.Dir && n.Shared == nil:
		return l.torrents.MetaInfo(at.Path)
	case n.Shared == nil || n.Kind != p2fs.File:
		return nil, fmt.Errorf("%s: has no torrent: not a file", human.Quoted(at.Path))
	case n.Size == 0:
		return nil, fmt.Errorf("%s: has no torrent: it is empty", human.Quoted(at.Path))
	}
	if f, ok := l.share.ByContent(files.ContentOf(n.Shared)); ok {
		return l.sharedMetaInfo(f, v2)
	}
	return l.remoteMetaInfo(ctx, n.Shared, v2)
}

// sharedMetaInfo is the torrent of a file of the share directory.
func (l *linker) sharedMetaInfo(f share.File, v2 bool) (*metainfo.MetaInfo, error) {
	if f.Size == 0 {
		return nil, fmt.Errorf("%s: has no torrent: it is empty", human.Quoted(f.Path))
	}
	v := share.V1
	if v2 {
		v = share.V2
	}
	meta, err := l.share.MetaInfo(f, v)
	if err != nil {
		return nil, err
	}
	if err := l.asking.Remember(meta.Info.InfoHashes()[0], true); err != nil {
		return nil, err
	}
	t, err := l.client().Add(l.specs.ShareSpec(meta, f))
	if err != nil {
		return nil, err
	}
	t.Announce()
	return meta, nil
}

// remoteMetaInfo is the torrent of another member's file. Its v1 metadata is
// fetched from the members that hold it; v2's needs its piece layer only.
func (l *linker) remoteMetaInfo(ctx context.Context, e *union.Entry, v2 bool) (*metainfo.MetaInfo, error) {
	if v2 {
		s, err := l.specs.DriveSpec(e.Published, files.ContentOf(e))
		if err != nil {
			return nil, err
		}
		return s.MetaInfo, nil
	}
	tw := l.twins.Of(e.Published, files.ContentOf(e), e.V1)
	if tw == nil {
		return nil, errors.New("its member told no v1 infohash")
	}
	spec := tw.Spec()
	spec.Announce = swarm.Never
	spec.FindPeers = func(ctx context.Context) []netip.AddrPort { return l.specs.Holders(ctx, tw.Of) }
	if meta, err := tw.MetaInfo(ctx); err == nil {
		spec.MetaInfo, spec.Magnet = meta, nil
	}
	t, err := l.client().Add(spec)
	if err != nil {
		return nil, err
	}
	meta, err := t.Metadata(ctx)
	if err == nil && l.index.Local(tw.Of) > 0 {
		t.Announce() // somebody is about to ask, and we have something to give
	}
	return meta, err
}

// Add is what the control socket asks for.
func (l *linker) Add(_ context.Context, src control.Source) (string, error) {
	return l.torrents.Add(src)
}

// Remove is what the control socket asks for.
func (l *linker) Remove(_ context.Context, nameOrInfoHash string) error {
	return l.torrents.Remove(nameOrInfoHash)
}
