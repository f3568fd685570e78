package swarm

import (
	"crypto/sha1"
	"crypto/sha256"
	"slices"
	"sync/atomic"

	"p2pfs/swarm/metainfo"
)

// naming is what a torrent is known by: the infohashes that it was added with, and
// its info dictionary when that is here. Safe for concurrent use.
type naming struct {
	hashes []metainfo.Hash  // what a handshake may carry; the first is dialled with
	magnet *metainfo.Magnet // all that was known at first; nil: info was
	info   atomic.Pointer[metainfo.Info]
}

// name notes what a Spec says of a torrent that was added with some infohashes: fewer
// than its metadata has, where it was a magnet and that was kept from an earlier run.
func (n *naming) name(s Spec, hashes []metainfo.Hash) {
	n.hashes = hashes
	if s.MetaInfo != nil {
		n.info.Store(s.MetaInfo.Info)
	} else {
		n.magnet = s.Magnet
	}
}

// all are the infohashes known now: a magnet may name one half of a hybrid.
func (n *naming) all() []metainfo.Hash {
	if in := n.info.Load(); in != nil {
		return in.InfoHashes()
	}
	return n.hashes
}

// has reports whether an infohash is the torrent's. Who was dialled with one of a
// hybrid may answer with the other (BEP 52).
func (n *naming) has(h metainfo.Hash) bool {
	return slices.Contains(n.hashes, h) || slices.Contains(n.all(), h)
}

// v2 is the torrent's v2 infohash, if it is known to have one.
func (n *naming) v2() (metainfo.Hash, bool) {
	if in := n.info.Load(); in != nil {
		return in.HashV2.Short(), in.V2
	}
	return n.magnet.V2.Short(), n.magnet.HasV2
}

// foundV2 reports whether the metadata has shown a v2 half that the magnet did not
// name: no connection made before has offered BEP 52.
func (n *naming) foundV2() bool {
	in := n.info.Load()
	return n.magnet != nil && !n.magnet.HasV2 && in != nil && in.V2
}

// private reports whether peers may come from trackers only (BEP 27). A magnet's
// torrent is taken for public until its metadata is here.
func (n *naming) private() bool {
	in := n.info.Load()
	return in != nil && in.Private
}

// isInfo reports whether raw is the info dictionary of the magnet, by every
// infohash that it has.
func (n *naming) isInfo(raw []byte) bool {
	m := n.magnet
	return (!m.HasV1 || m.V1 == sha1.Sum(raw)) && (!m.HasV2 || m.V2 == sha256.Sum256(raw))
}
