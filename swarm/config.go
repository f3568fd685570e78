package swarm

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
)

// Config is what a Client needs. The zero value listens on all interfaces
// and says nothing.
type Config struct {
	// Listen is ADDR:PORT. An empty port, or no Listen at all, takes the
	// first free one from 6881 up; port 0 takes any. With a specific
	// address, what we dial leaves from it too.
	Listen string
	Log    *slog.Logger
	// Guard keeps a panic over what peers and trackers send to the connection,
	// answer or torrent that set it off; nil makes one that logs to Log.
	Guard *guard.Guard
	// Lookup makes a torrent that an incoming peer asks for and that was
	// not added: nil or false refuses the peer.
	Lookup func(infoHash metainfo.Hash) (Spec, bool)
	// Carrier makes connections, and is closed with the Client; nil is TCP, as Listen
	// says.
	Carrier Carrier
	// Sidecar remembers metadata over restarts; nil remembers nothing.
	Sidecar Sidecar
	// MaxPeers bounds the connections of all torrents; 0 means 400.
	MaxPeers int
	// LSD announces torrents on the local networks of the interfaces that
	// Listen means, and hears others that do (BEP 14).
	LSD bool
	// NoPEX neither tells peers of others nor listens to what they tell.
	NoPEX bool
	// UploadLimit and DownloadLimit bound the payload, in bytes per second,
	// that all torrents together send and receive; 0 is no limit.
	UploadLimit, DownloadLimit int64
}

// A Carrier makes the connections that swarms run over. What it proves of one, the
// connection says itself: see carrier.Identity.
type Carrier interface {
	// Dial must end when its context does.
	Dial(context.Context, netip.AddrPort) (net.Conn, error)
	// Accept waits for a connection that comes in, or Close.
	Accept() (net.Conn, error)
	Addr() netip.AddrPort
	Close() error
}

// Sidecar keeps the metainfo of torrents whose metadata or piece layers came
// from peers, so that a restart finds its pieces without a peer.
type Sidecar interface {
	Load(infoHash metainfo.Hash) *metainfo.MetaInfo
	Save(infoHash metainfo.Hash, m *metainfo.MetaInfo)
}

// Spec says what to add to a Client.
type Spec struct {
	// MetaInfo or Magnet: one of them.
	MetaInfo *metainfo.MetaInfo
	Magnet   *metainfo.Magnet
	// Storage opens the place of the pieces once the metadata is known. It
	// may block, on checking files for example.
	Storage func(*metainfo.MetaInfo) (Storage, error)
	// Trackers are asked besides those of the torrent, Peers dialled.
	Trackers []string
	Peers    []netip.AddrPort
	// Known are peers that an earlier run reached. They are dialled first but
	// for Peers.
	Known []netip.AddrPort
	// Remember is given up to 50 peers that were reached, the best first, to be
	// Known another time: every 5 minutes when they have changed, and when the
	// torrent ends. It may block. It is not called for private torrents.
	Remember func(peers []netip.AddrPort)
	// Everything fetches all pieces, not just what is read; with Select
	// those of the files it wants (BEP 53).
	Everything bool
	Select     func(file int) bool
	// Announce says when trackers are told.
	Announce AnnounceMode
	// ReadTimeout fails a read that made no progress for so long; 0 never.
	ReadTimeout time.Duration
	// Idle ends the torrent when nothing was read or served, and nobody
	// connected, for so long; 0 never.
	Idle time.Duration
	// FindPeers is called, on a goroutine of its own, again and again while the
	// torrent wants bytes, to ask whom else there is to ask. It returns the surest
	// first, none that its teller may not tell of (netgroup.MayTell); up to 128
	// are known at a time.
	FindPeers func(ctx context.Context) []netip.AddrPort
}

// AnnounceMode says when a torrent is announced.
type AnnounceMode int

// Always announces from the start; OnNeed when a read has waited for 2 s in
// vain, or waits and nobody is known; Never not at all.
const (
	Always AnnounceMode = iota
	OnNeed
	Never
)

// infoHashes are the 20-byte hashes that a handshake may carry for the
// torrent, the one to dial with first.
func (s Spec) infoHashes() []metainfo.Hash {
	if s.MetaInfo != nil {
		return s.MetaInfo.Info.InfoHashes()
	}
	var out []metainfo.Hash
	if s.Magnet.HasV1 {
		out = append(out, s.Magnet.V1)
	}
	if s.Magnet.HasV2 {
		out = append(out, s.Magnet.V2.Short())
	}
	return out
}

// each calls do with each piece that is to be fetched without being read.
func (s Spec) each(info *metainfo.Info, do func(piece int)) {
	if !s.Everything {
		return
	}
	for f := range info.Files {
		if s.Select != nil && !s.Select(f) {
			continue
		}
		first, n := info.Pieces.OfFile(f)
		for i := first; i < first+n; i++ {
			do(i)
		}
	}
}

// tiers are all tracker URLs by tier (BEP 12): the caller's, a tier each, then the
// torrent's. Those of a magnet are a tier each (BEP 9 does not group them). A
// private torrent that names trackers has no others (BEP 27).
func (s Spec) tiers() [][]string {
	own := s.ownTiers()
	if s.MetaInfo != nil && s.MetaInfo.Info.Private && len(own) > 0 {
		return own
	}
	return append(apart(s.Trackers), own...)
}

// ownTiers are the trackers that the torrent itself names.
func (s Spec) ownTiers() [][]string {
	if s.MetaInfo != nil {
		return s.MetaInfo.Trackers
	}
	return apart(s.Magnet.Trackers)
}

// apart makes each of some URLs a tier.
func apart(urls []string) (tiers [][]string) {
	for _, u := range urls {
		tiers = append(tiers, []string{u})
	}
	return tiers
}
