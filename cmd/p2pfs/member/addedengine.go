//go:build linux

package member

import (
	"time"

	"p2pfs/cmd/p2pfs/files"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// addedEngine runs the torrents that were put into the mount by hand.
type addedEngine struct {
	client      func() *swarm.Client
	holdings    *files.Holdings
	trackers    *trackers.Trackers
	names       peerNames
	given       []string // peers to dial
	known       state.KnownPeers
	readTimeout time.Duration
}

// Complete is part of tree.Engine.
func (a addedEngine) Complete(s *swarm.Spec) {
	s.Storage, s.ReadTimeout, s.Peers = a.holdings.Storage, a.readTimeout, a.names.resolve(a.given)
	if s.Magnet != nil {
		s.Peers = append(s.Peers, a.names.resolve(s.Magnet.Peers)...)
	} else if kept := a.holdings.Sidecars.Load(s.MetaInfo.Info.InfoHashes()[0]); kept != nil && len(s.MetaInfo.Layers) == 0 {
		s.MetaInfo.Layers = kept.Layers
	}
	if s.MetaInfo == nil || !s.MetaInfo.Info.Private {
		s.Trackers = a.trackers.URLs()
	}
	a.known.Into(s)
}

// Add is part of tree.Engine.
func (a addedEngine) Add(s swarm.Spec) (*swarm.Torrent, error) { return a.client().Add(s) }

// Local is part of tree.Engine.
func (a addedEngine) Local(info *metainfo.Info, file int) int64 {
	return a.holdings.Index.LocalIn(info, file)
}

// Forget is part of tree.Engine.
func (a addedEngine) Forget(ih metainfo.Hash) { a.known.Forget(ih) }
