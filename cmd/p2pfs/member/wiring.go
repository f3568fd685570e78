//go:build linux

package member

import (
	"path/filepath"
	"time"

	"p2pfs/cmd/p2pfs/files"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/metainfo"
)

// openEngine listens. Peers may come at once.
func (m *Member) openEngine() error {
	net := m.Config.Net
	t := trackers.New(trackers.Config{
		Given: net.Trackers, None: net.NoTracker, Open: net.OpenTracker, Listen: net.Listen, TakeOver: net.TrackerTakeOver,
		Serves: metainfo.Hash(drive.OpenKey(m.Config.Drive).Rendezvous()),
	}, m.engine.client, m.drive.drive, m.guard, m.log)
	m.onClose(t.Close)
	asked, err := state.OpenAsked(filepath.Join(m.Config.State, "asked"), time.Now())
	if err != nil {
		return err
	}
	m.onClose(func() error { return asked.Flush(time.Now()) })
	m.specs = &files.Specs{Share: m.share, Holdings: m.holdings, Asked: asked, Drive: m.drive.drive, Trackers: t, ReadTimeout: net.ReadTimeout, Log: m.log}
	m.asking = &files.Asking{Asked: asked, Client: m.engine.client, Share: m.share, Specs: m.specs, Log: m.log}
	tw := &files.Twins{
		Client: m.engine.client, Holdings: m.holdings, Cache: m.cache, Trackers: t.URLs, ReadTimeout: net.ReadTimeout, Guard: m.guard, Log: m.log, Ctx: m.ctx,
	}
	if err := tw.Load(m.Config.State); err != nil {
		return err
	}
	m.onClose(tw.Later.Close)
	m.linker = &linker{share: m.share, index: m.holdings.Index, specs: m.specs, asking: m.asking, twins: tw, client: m.engine.client, trackers: t}
	client, err := swarm.New(swarm.Config{
		Listen: net.Listen.HostPort(), Guard: m.guard, Log: m.log, Lookup: m.serving().Lookup, Sidecar: m.holdings.Sidecars,
		UploadLimit: net.Up, DownloadLimit: net.Down, NoPEX: net.NoPEX, LSD: net.LSD,
	})
	if err != nil {
		return err
	}
	m.onClose(client.Close)
	m.engine.p.Store(client)
	m.reporter.trackers = t
	return nil
}

// files reads members' files.
func (m *Member) files() *files.Files {
	return &files.Files{
		Specs: m.specs, Share: m.share, Cache: m.cache, Index: m.holdings.Index, Twins: m.linker.twins, Client: m.engine.client, Drive: m.drive.drive,
		Guard: m.guard, Log: m.log,
	}
}

// serving says what others can have of us.
func (m *Member) serving() *files.Serving {
	return &files.Serving{
		Specs: m.specs, Share: m.share, Index: m.holdings.Index, Twins: m.linker.twins, Asking: m.asking, Files: m.files(), Log: m.log,
	}
}

// openTree opens what the mount is to show.
func (m *Member) openTree() error {
	net, names := m.Config.Net, peerNames{m.ctx, m.log}
	torrents, err := tree.NewTorrents(tree.TorrentsConfig{
		Dir: filepath.Join(m.Config.State, "added"), Guard: m.guard, Log: m.log, Changed: m.kernel.changed,
		Engine: addedEngine{
			client: m.engine.client, holdings: m.holdings, trackers: m.linker.trackers, names: names, given: net.Peers,
			known: state.NewKnownPeers(m.Config.State, m.log), readTimeout: net.ReadTimeout,
		},
	})
	if err != nil {
		return err
	}
	m.onClose(torrents.Close)
	shown := tree.New(tree.Config{
		Drive: &m.drive, Files: m.files(), Torrents: torrents, Usage: m.reporter.usage, Scans: m.Config.Scans, Changed: m.kernel.changed,
		Status: func() (string, error) {
			s, err := m.reporter.Status(m.ctx)
			return s.String(), err
		},
	})
	m.linker.tree, m.linker.torrents = shown, torrents
	m.reporter.tree, m.reporter.torrents = shown, torrents
	events := pieceEvents{shown: shown.Shown(), twins: m.linker.twins, client: m.engine.client}
	m.holdings.Told.Store(&files.Events{Lost: events.lost, Stored: events.stored})
	return nil
}
