//go:build linux

package main

import (
	"net/netip"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/keep"
	"p2pfs/cmd/p2pfs/roster"
	"p2pfs/cmd/p2pfs/state"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// namespace is a drive as mounts show it.
type namespace struct{ m *member }

// View is the namespace of now.
func (n namespace) View() *union.View { return n.m.view() }

// Listed are the members that are shown by name.
func (n namespace) Listed() map[catalog.Key]bool {
	here := map[catalog.Key]bool{}
	for _, who := range roster.Listed(n.m.drive.Load()) {
		here[who.Key] = true
	}
	return here
}

// memberFiles reads members' files.
type memberFiles struct{ m *member }

// Open is part of tree.Files.
func (f memberFiles) Open(e *union.Entry) (p2fs.Content, error) { return f.m.open(e) }

// Local is part of tree.Files.
func (f memberFiles) Local(e *union.Entry) int64 { return f.m.local(e) }

// Torrent is part of tree.Files.
func (f memberFiles) Torrent(e *union.Entry) *swarm.Torrent {
	if e.Size == 0 {
		return nil
	}
	return f.m.client.Torrent(metainfo.InfoHashV2(e.Published, contentOf(e)).Short())
}

// Magnet is part of tree.Files.
func (f memberFiles) Magnet(e *union.Entry) string {
	magnet := metainfo.Magnet{HasV1: true, V1: e.V1, Name: e.Published, Length: e.Size, Trackers: f.m.publicTrackers(nil)}
	return magnet.String()
}

// addedEngine runs the torrents that were put into the mount by hand.
type addedEngine struct {
	m     *member
	known state.KnownPeers
}

// Complete is part of tree.Engine.
func (a addedEngine) Complete(s *swarm.Spec) {
	s.Storage, s.ReadTimeout, s.Peers = a.m.holdings.storage, a.m.cfg.readTimeout, a.m.peers()
	if s.Magnet != nil {
		s.Peers = append(s.Peers, a.m.resolve(s.Magnet.Peers)...)
	} else if kept := a.m.holdings.sidecars.Load(s.MetaInfo.Info.InfoHashes()[0]); kept != nil && len(s.MetaInfo.Layers) == 0 {
		s.MetaInfo.Layers = kept.Layers
	}
	if s.MetaInfo == nil || !s.MetaInfo.Info.Private {
		s.Trackers = a.m.trackers.urls()
	}
	a.known.Into(s)
}

// Add is part of tree.Engine.
func (a addedEngine) Add(s swarm.Spec) (*swarm.Torrent, error) { return a.m.client.Add(s) }

// Local is part of tree.Engine.
func (a addedEngine) Local(info *metainfo.Info, file int) int64 {
	return a.m.holdings.index.LocalIn(info, file)
}

// Forget is part of tree.Engine.
func (a addedEngine) Forget(ih metainfo.Hash) { a.known.Forget(ih) }

// lost tells torrents and the kernel of a piece that the cache has no more.
func (m *member) lost(gone held.Key, of []held.Piece) {
	if root, ok := held.Root(gone); ok { // it may have been a whole file
		m.tree.Shown().MovedFile(root)
	}
	for _, r := range of {
		m.tree.Shown().Moved(r.Info, r.Index, nil)
		for _, ih := range r.Info.InfoHashes() {
			m.twins.lost(ih, r.Index)
			if t := m.client.Torrent(ih); t != nil {
				t.Evicted(r.Index)
				m.tree.Shown().Moved(r.Info, r.Index, t.InfoHashes())
			}
		}
	}
}

// stored tells the kernel of a piece that the cache has now: it may have come
// after its file was read and closed.
func (m *member) stored(info *metainfo.Info, piece int) {
	var hashes []metainfo.Hash
	if t := m.client.Torrent(info.InfoHashes()[0]); t != nil {
		hashes = t.InfoHashes()
	}
	m.tree.Shown().Moved(info, piece, hashes)
}

// local is how many bytes of a member's file are on this machine.
func (m *member) local(e *union.Entry) int64 {
	if e.Size == 0 {
		return 0
	}
	if _, ok := m.share.ByContent(contentOf(e)); ok {
		return e.Size
	}
	return m.holdings.index.Local(contentOf(e))
}

// peers are the addresses that --peer named.
func (m *member) peers() []netip.AddrPort { return m.resolve(m.cfg.peers) }

// resolve turns HOST:PORT into addresses; a name that cannot be looked up is
// left out with a warning.
func (m *member) resolve(peers []string) (out []netip.AddrPort) {
	for _, p := range peers {
		addrs, err := cli.ResolvePeers(m.ctx, []string{p})
		if err != nil {
			m.log.Warn("peer left out", "peer", p, "err", err)
		}
		out = append(out, addrs...)
	}
	return out
}

// keeper does what users ask of what is kept of the mount's files.
func (m *member) keeper() *keep.Keeper {
	return keep.New(keep.Config{
		Tree: m.tree, Fetched: m.tree.Reads().Fetched, Shares: m.share, Cache: m.cache, Size: m.cfg.cacheSize, Index: m.holdings.index, Pins: m.holdings.pins,
		Evicted: m.holdings.evicted, Changed: func(path string) { m.changed(path, p2fs.ChangeAttr) }, Guard: m.guard, Log: m.log,
	})
}

// roster is the other members, for the commands that hide them.
func (m *member) roster() roster.Roster {
	return roster.Roster{Drive: m.drive.Load, Hidden: m.hidden, Self: m.seat.key.Key, Name: m.cfg.name}
}
