//go:build linux

package main

import (
	"context"
	"os"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/roster"
	p2fs "p2pfs/fs"
)

// Status is what the control socket asks for.
func (m *member) Status(ctx context.Context) (control.Status, error) {
	s := control.Status{
		Version: version(), PID: os.Getpid(), MountPoint: m.cfg.mountPoint, Share: m.cfg.share, Drive: m.cfg.drive,
		Name: m.cfg.name, Key: m.seat.key.Key().String(), Listen: m.client.Addr().String(), Since: m.since,
		Sharing: m.shareStatus(), Cache: m.cacheStatus(), Traffic: m.traffic(), Trackers: m.trackers.status(),
		Torrents: m.torrents.Status(), Waiting: m.tree.Reads().Waiting(ctx), Bugs: m.guard.Caught(),
	}
	if mount := m.mount.Load(); mount != nil {
		s.Bugs += mount.Stats().Panics
	}
	d := m.drive.Load()
	members := roster.Listed(d)
	s.Notices = roster.Notices(d, m.seat.key, members)
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
	t.Unread = max(0, t.Downloaded-m.tree.Reads().Bytes()) // at least: what is read twice hides some
	if mount := m.mount.Load(); mount != nil {
		t.ReadsWaiting = mount.Stats().Waiting
	}
	return t
}

// statusText is what .p2pfs/status holds when it is opened.
func (m *member) statusText() (string, error) {
	s, err := m.Status(m.ctx)
	return s.String(), err
}

// usage is what df shows: the cache, and as free what it can still take, which a
// full disk makes less than its budget.
func (m *member) usage() p2fs.Usage {
	u := m.cache.Usage()
	return p2fs.Usage{Total: u.Used + u.Room, Free: u.Room}
}

// Add is what the control socket asks for.
func (m *member) Add(_ context.Context, src control.Source) (string, error) {
	return m.torrents.Add(src)
}

// Remove is what the control socket asks for.
func (m *member) Remove(_ context.Context, nameOrInfoHash string) error {
	return m.torrents.Remove(nameOrInfoHash)
}
