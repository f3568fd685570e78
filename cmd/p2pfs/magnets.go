//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/keep"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// Magnet is what the control socket asks for.
func (m *member) Magnet(ctx context.Context, at control.Location, v2 bool) (string, error) {
	meta, err := m.metainfoOf(ctx, at, v2)
	if err != nil {
		return "", err
	}
	mag := meta.Magnet()
	mag.Trackers = m.publicTrackers(meta)
	if meta.Info.Private { // peers are its trackers' to name (BEP 27)
		return mag.String(), nil
	}
	for _, a := range m.magnetPeers(ctx, at) {
		if !a.Addr().IsLoopback() || !m.cfg.listen.All() {
			mag.Peers = append(mag.Peers, a.String())
		}
	}
	return mag.String(), nil
}

// magnetPeers are those who surely have the file: ourselves, or the members
// that hold it.
func (m *member) magnetPeers(ctx context.Context, at control.Location) []netip.AddrPort {
	own := []netip.AddrPort{reachable(m.client.Addr())}
	n, err := m.tree.Find(at.Path)
	if at.Share || err != nil || n.Shared == nil {
		return own
	}
	of := contentOf(n.Shared)
	if _, ok := m.share.ByContent(of); ok {
		return own
	}
	if m.holdings.index.Local(of) == 0 {
		own = nil
	}
	return append(own, m.holders(ctx, of)...)
}

// publicTrackers are the trackers that others can use: this machine's own by
// an address that others reach, never by loopback, unless that is all that we
// listen on.
func (m *member) publicTrackers(meta *metainfo.MetaInfo) (out []string) {
	if meta != nil {
		for _, tier := range meta.Trackers {
			out = append(out, tier...)
		}
		if meta.Info.Private {
			return out
		}
	}
	if m.trackers.own == "" {
		return append(out, m.trackers.given...)
	}
	at := reachable(netip.AddrPortFrom(m.client.Addr().Addr(), trackerPort))
	if !at.Addr().IsLoopback() || !m.cfg.listen.All() {
		out = append(out, trackerURL(at))
	}
	return out
}

// Export is what the control socket asks for.
func (m *member) Export(ctx context.Context, at control.Location, v2 bool) ([]byte, error) {
	meta, err := m.metainfoOf(ctx, at, v2)
	if err != nil {
		return nil, err
	}
	out := *meta
	out.Trackers = nil
	for _, url := range m.publicTrackers(meta) {
		out.Trackers = append(out.Trackers, []string{url})
	}
	return out.Marshal()
}

// metainfoOf finds the torrent of a file and, where it is ours to serve, has
// it announced: somebody is about to ask for it.
func (m *member) metainfoOf(ctx context.Context, at control.Location, v2 bool) (*metainfo.MetaInfo, error) {
	if at.Share {
		f, ok := m.share.Find(at.Path)
		if !ok || f.Kind != share.Regular {
			return nil, keep.ErrNotPublished
		}
		return m.sharedMetaInfo(f, v2)
	}
	n, err := m.tree.Find(at.Path)
	switch {
	case err != nil:
		return nil, err
	case n.Torrent != nil || n.Kind == p2fs.Dir && n.Shared == nil:
		return m.torrents.MetaInfo(at.Path)
	case n.Shared == nil || n.Kind != p2fs.File:
		return nil, fmt.Errorf("%s: has no torrent: not a file", human.Quoted(at.Path))
	case n.Size == 0:
		return nil, fmt.Errorf("%s: has no torrent: it is empty", human.Quoted(at.Path))
	}
	if f, ok := m.share.ByContent(contentOf(n.Shared)); ok {
		return m.sharedMetaInfo(f, v2)
	}
	return m.remoteMetaInfo(ctx, n.Shared, v2)
}

// sharedMetaInfo is the torrent of a file of the share directory.
func (m *member) sharedMetaInfo(f share.File, v2 bool) (*metainfo.MetaInfo, error) {
	if f.Size == 0 {
		return nil, fmt.Errorf("%s: has no torrent: it is empty", human.Quoted(f.Path))
	}
	v := share.V1
	if v2 {
		v = share.V2
	}
	meta, err := m.share.MetaInfo(f, v)
	if err != nil {
		return nil, err
	}
	if err := m.remember(meta.Info.InfoHashes()[0], true); err != nil {
		return nil, err
	}
	t, err := m.client.Add(m.shareSpec(meta, f))
	if err != nil {
		return nil, err
	}
	t.Announce()
	return meta, nil
}

// remoteMetaInfo is the torrent of another member's file. Its v1 metadata is
// fetched from the members that hold it; v2's needs its piece layer only.
func (m *member) remoteMetaInfo(ctx context.Context, e *union.Entry, v2 bool) (*metainfo.MetaInfo, error) {
	if v2 {
		s, err := m.driveSpec(e.Published, contentOf(e))
		if err != nil {
			return nil, err
		}
		return s.MetaInfo, nil
	}
	tw := m.twins.of(e.Published, contentOf(e), e.V1)
	if tw == nil {
		return nil, errors.New("its member told no v1 infohash")
	}
	spec := tw.spec()
	spec.Announce = swarm.Never
	spec.FindPeers = func(ctx context.Context) []netip.AddrPort { return m.holders(ctx, tw.of) }
	if meta, err := tw.metaInfo(ctx); err == nil {
		spec.MetaInfo, spec.Magnet = meta, nil
	}
	t, err := m.client.Add(spec)
	if err != nil {
		return nil, err
	}
	meta, err := t.Metadata(ctx)
	if err == nil && m.holdings.index.Local(tw.of) > 0 {
		t.Announce() // somebody is about to ask, and we have something to give
	}
	return meta, err
}
