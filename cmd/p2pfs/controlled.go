//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// errNotPublished is a file of the share directory that is not shared (yet).
var errNotPublished = errors.New("not published: it is being hashed, still written to, or ignored")

// Status is part of controlled.
func (m *member) Status(context.Context) (mountStatus, error) {
	s := mountStatus{
		Version: version(), PID: os.Getpid(), MountPoint: m.cfg.mountPoint, Share: m.cfg.share, Drive: m.cfg.drive,
		Name: m.cfg.name, Key: m.id.Key().String(), Listen: m.client.Addr().String(), Since: m.since,
		Sharing: m.shareStatus(), Cache: m.cacheStatus(), Traffic: m.traffic(), Trackers: m.trackers.status(),
		Torrents: m.torrents.status(),
	}
	for _, who := range m.drive.Load().Members() {
		s.Files += who.Files
		s.Bytes += who.Bytes
		if who.Self {
			continue
		}
		st := memberStatus{Name: who.Name, Key: who.Key.String(), Connected: who.Connected, Files: who.Files, Bytes: who.Bytes}
		if who.Addr.IsValid() {
			st.Addr = who.Addr.String()
		}
		s.Members = append(s.Members, st)
	}
	return s, nil
}

func (m *member) shareStatus() shareStatus {
	st := m.share.Stats()
	return shareStatus{
		Files: int64(st.Files), Bytes: st.Bytes, Hashing: int64(st.Queued + st.Waiting),
		Ignored: int64(st.Ignored), Skipped: int64(st.Skipped),
	}
}

func (m *member) cacheStatus() cacheStatus {
	used, budget := m.cache.Usage()
	return cacheStatus{Dir: m.cfg.cache, Used: used, Budget: budget}
}

// traffic sums what all torrents are doing.
func (m *member) traffic() (t trafficStatus) {
	for _, tor := range m.client.Torrents() {
		s := tor.Stats()
		t.Down += int64(s.Down)
		t.Up += int64(s.Up)
		t.Peers += int64(s.Peers)
	}
	t.Downloaded, t.Uploaded = m.client.Transferred()
	t.Unread = max(0, t.Downloaded-m.read.Load()) // at least: what is read twice hides some
	if mount := m.mount.Load(); mount != nil {
		t.ReadsWaiting = mount.Stats().Waiting
	}
	return t
}

// status is the state of each torrent added by hand.
func (a *added) status() (out []torrentState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, at := range a.byName {
		s := at.torrent.Stats()
		st := torrentState{
			Name: name, InfoHash: at.torrent.InfoHashes()[0].String(), Bytes: s.Length, Have: s.Length - s.Left,
			Peers: int64(s.Peers), State: "ready", Error: s.Trouble,
		}
		switch {
		case at.torrent.Err() != nil:
			st.State, st.Error = "failed", at.torrent.Err().Error()
		case s.Pieces == 0:
			st.State = "fetching metadata"
		case s.Waiting > 0:
			st.State = "reading"
		}
		out = append(out, st)
	}
	slices.SortFunc(out, func(x, y torrentState) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return out
}

// statusText is what .p2pfs/status holds when it is opened.
func (m *member) statusText() (p2fs.Content, error) {
	s, err := m.Status(m.ctx)
	return fixed(s.String()), err
}

// Add is part of controlled.
func (m *member) Add(_ context.Context, src torrentSource) (string, error) {
	return m.torrents.add(src)
}

// Remove is part of controlled.
func (m *member) Remove(_ context.Context, nameOrInfoHash string) error {
	return m.torrents.remove(nameOrInfoHash)
}

// Magnet is part of controlled.
func (m *member) Magnet(ctx context.Context, at location, v2 bool) (string, error) {
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
		if !a.Addr().IsLoopback() || !m.cfg.listen.all() {
			mag.Peers = append(mag.Peers, a.String())
		}
	}
	return mag.String(), nil
}

// magnetPeers are those who surely have the file: ourselves, or the members
// that hold it.
func (m *member) magnetPeers(ctx context.Context, at location) []netip.AddrPort {
	own := []netip.AddrPort{reachable(m.client.Addr())}
	n, err := tree{m}.find(ctx, at.Path)
	if at.Share || err != nil || n.entry == nil {
		return own
	}
	root := metaHash(n.entry.Root)
	if _, ok := m.share.ByRoot(root); ok {
		return own
	}
	return m.holders(ctx, root)
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
	if !at.Addr().IsLoopback() || !m.cfg.listen.all() {
		out = append(out, trackerURL(at))
	}
	return out
}

// Export is part of controlled.
func (m *member) Export(ctx context.Context, at location, v2 bool) ([]byte, error) {
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
func (m *member) metainfoOf(ctx context.Context, at location, v2 bool) (*metainfo.MetaInfo, error) {
	if at.Share {
		for _, f := range m.share.Files() {
			if f.Path == at.Path && f.Kind == share.Regular {
				return m.sharedMetaInfo(f, v2)
			}
		}
		return nil, errNotPublished
	}
	n, err := tree{m}.find(ctx, at.Path)
	switch {
	case err != nil:
		return nil, err
	case n.torrent != nil || n.Kind == p2fs.Dir && n.entry == nil:
		return m.torrents.metainfoAt(at.Path)
	case n.entry == nil || n.Kind != p2fs.File:
		return nil, fmt.Errorf("%s: has no torrent: not a file", quoted(at.Path))
	case n.Size == 0:
		return nil, fmt.Errorf("%s: has no torrent: it is empty", quoted(at.Path))
	}
	if f, ok := m.share.ByRoot(metaHash(n.entry.Root)); ok {
		return m.sharedMetaInfo(f, v2)
	}
	return m.remoteMetaInfo(ctx, n.entry, v2)
}

// sharedMetaInfo is the torrent of a file of the share directory.
func (m *member) sharedMetaInfo(f share.File, v2 bool) (*metainfo.MetaInfo, error) {
	if f.Size == 0 {
		return nil, fmt.Errorf("%s: has no torrent: it is empty", quoted(f.Path))
	}
	v := share.V1
	if v2 {
		v = share.V2
	}
	meta, err := m.share.MetaInfo(f, v)
	if err != nil {
		return nil, err
	}
	if err := m.asked.add(meta.Info.InfoHashes()[0]); err != nil {
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
func (m *member) remoteMetaInfo(ctx context.Context, e *catalog.Entry, v2 bool) (*metainfo.MetaInfo, error) {
	if v2 {
		s, err := m.driveSpec(e.Published, e.Size, metaHash(e.Root))
		if err != nil {
			return nil, err
		}
		return s.MetaInfo, nil
	}
	if e.V1 == ([20]byte{}) {
		return nil, errors.New("its member told no v1 infohash")
	}
	magnet := metainfo.Magnet{HasV1: true, V1: e.V1, Name: e.Published}
	root := metaHash(e.Root)
	t, err := m.client.Add(swarm.Spec{
		Magnet: &magnet, Storage: m.holdings.storage, Announce: swarm.Never, Idle: idleTorrent,
		FindPeers: func(ctx context.Context) []netip.AddrPort { return m.holders(ctx, root) },
	})
	if err != nil {
		return nil, err
	}
	return t.Metadata(ctx)
}

// announceAsked serves the shared files that were asked for before a restart,
// once the share directory is known.
func (m *member) announceAsked() {
	select {
	case <-m.share.Scanned():
	case <-m.ctx.Done():
		return
	}
	for _, ih := range m.asked.all() {
		f, v, ok := m.share.Lookup(ih)
		if !ok || m.client.Torrent(ih) != nil {
			continue
		}
		meta, err := m.share.MetaInfo(f, v)
		if err == nil {
			_, err = m.client.Add(m.shareSpec(meta, f))
		}
		if err != nil {
			m.log.Warn("announcing a shared file", "path", f.Path, "err", err)
		}
	}
}

// metainfoAt is the torrent that a path below .p2pfs/torrents belongs to.
func (a *added) metainfoAt(path string) (*metainfo.MetaInfo, error) {
	name, ok := strings.CutPrefix(path, specialDir+"/"+torrentsDir+"/")
	name, _, _ = strings.Cut(name, "/")
	a.mu.Lock()
	at := a.byName[name]
	a.mu.Unlock()
	if !ok || at == nil {
		return nil, fs.ErrNotExist
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.meta == nil {
		return nil, errors.New("its metadata is not here yet")
	}
	return at.meta, nil
}
