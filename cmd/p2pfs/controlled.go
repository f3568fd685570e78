//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"p2pfs/cmd/p2pfs/control"
	p2fs "p2pfs/fs"
	"p2pfs/swarm/metainfo"
)

// errNotPublished is a file of the share directory that is not shared (yet).
var errNotPublished = errors.New("not published: it is being hashed, still written to, or ignored")

// Status is what the control socket asks for.
func (m *member) Status(ctx context.Context) (control.Status, error) {
	s := control.Status{
		Version: version(), PID: os.Getpid(), MountPoint: m.cfg.mountPoint, Share: m.cfg.share, Drive: m.cfg.drive,
		Name: m.cfg.name, Key: m.seat.key.Key().String(), Listen: m.client.Addr().String(), Since: m.since,
		Sharing: m.shareStatus(), Cache: m.cacheStatus(), Traffic: m.traffic(), Trackers: m.trackers.status(),
		Torrents: m.torrents.status(), Waiting: m.waiting(ctx), Bugs: m.guard.Caught(),
	}
	if mount := m.mount.Load(); mount != nil {
		s.Bugs += mount.Stats().Panics
	}
	d := m.drive.Load()
	members := m.listed()
	s.Notices = notices(d, m.seat.key, members)
	for _, who := range members {
		s.Files += who.Files
		s.Bytes += who.Bytes
		if who.Self {
			continue
		}
		st := control.Member{Name: who.Name, Key: who.Key.String(), Connected: who.Connected, Files: who.Files, Bytes: who.Bytes}
		if who.Addr.IsValid() {
			st.Addr = who.Addr.String()
		}
		s.Members = append(s.Members, st)
	}
	return s, nil
}

func (m *member) shareStatus() control.Share {
	st := m.share.Stats()
	out := control.Share{
		Files: int64(st.Files), Bytes: st.Bytes, Hashing: int64(st.Queued + st.Waiting), FilesHashed: int64(st.Hashed),
		Ignored: int64(st.Ignored), Skipped: int64(st.Skipped),
	}
	for _, p := range st.Hashing {
		out.Hashed += p.Done
		out.ToHash += p.Size
	}
	return out
}

func (m *member) cacheStatus() control.Cache {
	u := m.cache.Usage()
	st := control.Cache{Dir: m.cfg.cache, Used: u.Used, Budget: u.Budget, Pinned: u.Pinned, Room: u.Room, KeepFree: u.KeepFree}
	if u.Trouble != nil {
		st.Trouble = u.Trouble.Error()
	}
	return st
}

// traffic sums what all torrents are doing.
func (m *member) traffic() (t control.Traffic) {
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
func (a *added) status() (out []control.Torrent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, at := range a.byName {
		s := at.torrent.Stats()
		st := control.Torrent{
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
	slices.SortFunc(out, func(x, y control.Torrent) int {
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

// Add is what the control socket asks for.
func (m *member) Add(_ context.Context, src control.Source) (string, error) {
	return m.torrents.add(src)
}

// Remove is what the control socket asks for.
func (m *member) Remove(_ context.Context, nameOrInfoHash string) error {
	return m.torrents.remove(nameOrInfoHash)
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
