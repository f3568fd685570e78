// Package torrents has the commands for torrents without a mount: get, seed, create
// and show. Each runs one torrent, or none.
package torrents

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/swarm"
	"p2pfs/swarm/disk"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/tracker"
)

// hintTimeout bounds the look-up of peers' names that a magnet gives.
const hintTimeout = 10 * time.Second

// torrent is one torrent with an engine of its own, as get and seed have it.
type torrent struct {
	net  *netflags.Flags
	line *cli.Progress // what logs go through, too
	log  *slog.Logger
	// dir is where files are put, or data what is served: one of the two.
	dir, data string
	state     string
	client    *swarm.Client
	words     *cli.LooseWriter // of the log

	checked, toCheck atomic.Int64 // bytes of files that are verified; 0, 0 at first
	found            atomic.Int64 // bytes that were there at the start
	disk             atomic.Pointer[disk.Disk]
	swarm            atomic.Pointer[swarm.Torrent]
	down             cli.Meter
}

// newTorrent prepares the state directory, the log and the status line.
func newTorrent(n *netflags.Flags, c cli.Call) (*torrent, error) {
	t := &torrent{net: n, line: cli.NewProgress(c.Stderr)}
	var err error
	if t.state, err = dirs.OrDefault(n.State, dirs.State); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(t.state, state.SidecarDir), 0o700); err != nil {
		return nil, err
	}
	t.words = cli.NewLooseWriter(t.line)
	t.log = netflags.NewLog(t.words, n.Level)
	return t, nil
}

// start opens the files, if their names are known already, listens and begins
// spec with the peers and trackers of the flags. It blocks while files are
// verified and names of peers looked up. close must follow, also after an
// error.
func (t *torrent) start(ctx context.Context, spec swarm.Spec) error {
	peers, err := cli.ResolvePeers(ctx, t.net.Peers)
	if err != nil {
		return err
	}
	spec.Peers, spec.Trackers = peers, t.net.Trackers
	if err := state.Check(t.state); err != nil {
		return err
	}
	state.NewKnownPeers(t.state, t.log).Into(&spec)
	spec.Storage = func(m *metainfo.MetaInfo) (swarm.Storage, error) { return t.open(ctx, m) }
	if spec.MetaInfo != nil { // what we have is to be known when we announce
		d, err := t.open(ctx, spec.MetaInfo)
		if err != nil {
			return err
		}
		spec.Storage = func(*metainfo.MetaInfo) (swarm.Storage, error) { return d, nil }
	}
	cfg := swarm.Config{
		Listen: t.net.Listen.HostPort(), Log: t.log, Sidecar: state.NewSidecars(t.state, t.log),
		UploadLimit: t.net.Up, DownloadLimit: t.net.Down, NoPEX: t.net.NoPEX, LSD: !t.net.NoLSD,
	}
	if t.client, err = swarm.New(cfg); err != nil {
		return err
	}
	added, err := t.client.Add(spec)
	if err != nil {
		return err
	}
	t.swarm.Store(added)
	t.warnAlone(spec)
	if spec.Magnet != nil {
		go t.hints(ctx, added, spec.Magnet.Peers)
	}
	return nil
}

// close tells trackers that we stop, and ends connections.
func (t *torrent) close() {
	if t.client != nil {
		t.client.Close()
	}
	t.words.Close(cli.LastWords)
}

// open opens the files and verifies what is in them, as far as no earlier run
// left word that it did.
func (t *torrent) open(ctx context.Context, m *metainfo.MetaInfo) (*disk.Disk, error) {
	d, err := t.check(ctx, m, t.data)
	switch {
	case err != nil:
		return nil, err
	case t.data != "" && !d.Complete():
		d.Close()
		return nil, fmt.Errorf("%s: %w", human.Quoted(t.data), incomplete(d, m.Info))
	}
	t.found.Store(heldBytes(d, m.Info))
	t.disk.Store(d)
	return d, nil
}

// check opens the files for reading where data is not empty, else for
// fetching, and verifies them. A file that is in the way of what is to be
// fetched is an error: one that has not one piece of it.
func (t *torrent) check(ctx context.Context, m *metainfo.MetaInfo, data string) (*disk.Disk, error) {
	if data == "" {
		target := filepath.Join(t.dir, m.Info.Name)
		if info, err := os.Lstat(target); err == nil && (info.IsDir() || info.Size() > 0) {
			d, err := t.check(ctx, m, t.dir)
			if err != nil {
				return nil, err
			}
			if err := d.Close(); err != nil { // leaves word for the next to open it
				return nil, err
			}
			if d.Have() == 0 && m.Info.Pieces.Count() > 0 && info.Mode().IsRegular() {
				return nil, fmt.Errorf("%s: is there already, and it is something else", human.Quoted(target))
			}
		}
	}
	cfg := disk.Config{MetaInfo: m, Data: data, Log: t.log, OnLost: t.lost}
	if data == "" {
		cfg.Dir = t.dir
	}
	cfg.Resume = filepath.Join(t.state, state.SidecarDir, disk.ResumeName(m.Info))
	d, err := disk.Open(cfg)
	if err != nil {
		return nil, err
	}
	err = d.Check(ctx, func(done, all int64) {
		t.checked.Store(done)
		t.toCheck.Store(all)
	})
	t.checked.Store(t.toCheck.Load())
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// heldBytes returns how many bytes of the torrent's pieces are there.
func heldBytes(d *disk.Disk, in *metainfo.Info) (n int64) {
	for piece := range in.Pieces.Count() {
		if d.Has(piece) {
			n += int64(in.Pieces.Size(piece))
		}
	}
	return n
}

// lost tells the engine that somebody has changed a file under a piece.
func (t *torrent) lost(piece int) {
	if s := t.swarm.Load(); s != nil {
		s.Evicted(piece)
	}
}

// warnAlone says so when there is nobody to ask for peers.
func (t *torrent) warnAlone(spec swarm.Spec) {
	urls := spec.Trackers
	if spec.MetaInfo != nil {
		for _, tier := range spec.MetaInfo.Trackers {
			urls = append(urls, tier...)
		}
	} else {
		urls = append(urls, spec.Magnet.Trackers...)
	}
	usable := func(url string) bool { return tracker.ParseURL(url) == nil }
	if len(spec.Peers)+len(spec.Known) == 0 && (spec.Magnet == nil || len(spec.Magnet.Peers) == 0) && !slices.ContainsFunc(urls, usable) {
		where := "on the local network only"
		if t.net.NoLSD {
			where = "nowhere: they have to come"
		}
		t.log.Warn("neither a tracker nor a peer is known", "looking", where, "trackers", strings.Join(urls, " "))
	}
}

// hints tells the torrent of the peers that its magnet names, those last
// whose names have to be looked up. It blocks for hintTimeout at most.
func (t *torrent) hints(ctx context.Context, s *swarm.Torrent, peers []string) {
	ctx, cancel := context.WithTimeout(ctx, hintTimeout)
	defer cancel()
	var names []string
	for _, peer := range peers {
		if at, err := netip.ParseAddrPort(peer); err == nil {
			s.AddPeers([]netip.AddrPort{at})
		} else if name, err := cli.ParsePeer(peer); err == nil {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if found, err := cli.ResolvePeers(ctx, []string{name}); err == nil {
			s.AddPeers(found)
		}
	}
}

// status is the line that shows how far the torrent is.
func (t *torrent) status() string {
	s := t.swarm.Load()
	if checked, all := t.checked.Load(), t.toCheck.Load(); checked < all || s == nil {
		return "verifying  " + cli.Transfer{Done: checked, All: all, Rate: t.down.Rate(time.Now(), checked), Peers: -1}.String()
	}
	st := s.Stats()
	line := cli.Transfer{Done: st.Length - st.Left, All: st.Length, Rate: int64(st.Down), Peers: st.Peers}
	switch {
	case st.Pieces == 0:
		line.Waiting = "waiting for metadata"
	case st.Peers == 0 && st.Left > 0:
		line.Waiting = "waiting for peers"
	}
	return withTrouble(line.String(), st)
}

// serve goes on until ctx ends, which is no error.
func (t *torrent) serve(ctx context.Context) error {
	s := t.swarm.Load()
	stop := t.line.Start(func() string { return SeedingLine(s.Stats()) })
	defer stop()
	select {
	case <-ctx.Done():
		return nil
	case <-s.Done():
		return s.Err()
	}
}

// SeedingLine is the line of a torrent that is whole.
func SeedingLine(s swarm.Stats) string {
	line := "seeding  up " + human.Rate(int64(s.Up)) + "  " + human.Count(int64(s.Peers), "peer") + "  " + human.Size(s.Sent) + " sent"
	return withTrouble(line, s)
}

// withTrouble appends what keeps peers away, while there are none.
func withTrouble(line string, s swarm.Stats) string {
	if s.Peers > 0 || s.Trouble == "" {
		return line
	}
	return line + "  (" + human.OneLine(s.Trouble) + ")"
}
