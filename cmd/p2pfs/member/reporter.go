//go:build linux

package member

import (
	"context"
	"os"
	"time"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/roster"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/cmd/p2pfs/tree"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/share"
)

// reporter tells how a mount is. It is a control.Reporter.
type reporter struct {
	cfg      Config
	since    time.Time
	share    *share.Share
	cache    *cache.Store
	client   func() *swarm.Client
	kernel   *kernel
	tree     *tree.Tree
	torrents *tree.Torrents
	trackers *trackers.Trackers
	key      *state.OwnKey
	drive    func() *drive.Drive
	guard    *guard.Guard
}

// Status is what the control socket asks for.
func (r *reporter) Status(ctx context.Context) (control.Status, error) {
	s := control.Status{
		Version: r.cfg.Version, PID: os.Getpid(), MountPoint: r.cfg.MountPoint, Share: r.cfg.Share, Drive: r.cfg.Drive,
		Name: r.cfg.Name, Key: r.key.Key().String(), Listen: r.client().Addr().String(), Since: r.since,
		Sharing: r.shareStatus(), Cache: r.cacheStatus(), Traffic: r.traffic(), Trackers: r.trackers.Status(),
		Torrents: r.torrents.Status(), Waiting: r.tree.Reads().Waiting(ctx), Bugs: r.guard.Caught(),
	}
	if mount := r.kernel.mount.Load(); mount != nil {
		s.Bugs += mount.Stats().Panics
	}
	d := r.drive()
	members := roster.Listed(d)
	s.Notices = roster.Notices(d, r.key, members)
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

func (r *reporter) shareStatus() control.Share {
	st := r.share.Stats()
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

func (r *reporter) cacheStatus() control.Cache {
	u := r.cache.Usage()
	st := control.Cache{Dir: r.cfg.Cache, Used: u.Used, Budget: u.Budget, Pinned: u.Pinned, Room: u.Room, KeepFree: u.KeepFree}
	if u.Trouble != nil {
		st.Trouble = u.Trouble.Error()
	}
	return st
}

// traffic sums what all torrents are doing.
func (r *reporter) traffic() (t control.Traffic) {
	for _, tor := range r.client().Torrents() {
		s := tor.Stats()
		t.Down += int64(s.Down)
		t.Up += int64(s.Up)
		t.Peers += int64(s.Peers)
	}
	t.Downloaded, t.Uploaded = r.client().Transferred()
	t.Unread = max(0, t.Downloaded-r.tree.Reads().Bytes()) // at least: what is read twice hides some
	if mount := r.kernel.mount.Load(); mount != nil {
		t.ReadsWaiting = mount.Stats().Waiting
	}
	return t
}

// usage is what df shows: the cache, and as free what it can still take, which a
// full disk makes less than its budget.
func (r *reporter) usage() p2fs.Usage {
	u := r.cache.Usage()
	return p2fs.Usage{Total: u.Used + u.Room, Free: u.Room}
}

// healthy asks the mount and the engine. It may block on either.
func (r *reporter) healthy(ctx context.Context) error {
	if err := r.kernel.mount.Load().Alive(ctx); err != nil {
		return err
	}
	_, err := r.Status(ctx)
	return err
}
