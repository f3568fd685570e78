//go:build linux

package files

import (
	"log/slog"
	"time"

	"p2pfs/cmd/p2pfs/state"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// Asking has the shared files announced that somebody asks for with an ordinary
// client.
type Asking struct {
	Asked  *state.Asked
	Client func() *swarm.Client
	Share  *share.Share
	Specs  *Specs
	Log    *slog.Logger
}

// Remember has a shared file announced from now on, and over restarts.
func (a *Asking) Remember(ih metainfo.Hash, user bool) error {
	gone, err := a.Asked.Add(ih, user, fetchedFrom(a.Client()), time.Now())
	if err != nil && !user {
		a.Log.Warn("infohash not remembered", "infohash", ih, "err", err)
	}
	a.unannounce(gone)
	return err
}

// unannounce ends torrents that are not asked for any more. Who still wants
// one finds the file by dialling us.
func (a *Asking) unannounce(gone []metainfo.Hash) {
	for _, ih := range gone {
		if t := a.Client().Torrent(ih); t != nil {
			go t.Close() // it tells trackers, and nobody waits for that
		}
	}
}

// fetchedFrom reports whether somebody is connected to a client for a torrent.
func fetchedFrom(c *swarm.Client) func(metainfo.Hash) bool {
	return func(ih metainfo.Hash) bool {
		t := c.Torrent(ih)
		return t != nil && t.Stats().Peers > 0
	}
}

// Tend forgets what nobody has asked for in a long time.
func (a *Asking) Tend() {
	gone := a.Asked.Expire(fetchedFrom(a.Client()), time.Now())
	a.unannounce(gone)
	if err := a.Asked.Flush(time.Now()); err != nil {
		a.Log.Warn("list of announced files", "err", err)
	}
}

// AnnounceAll serves the shared files that were asked for, as far as they are
// published and not served yet: after a restart, and when one comes back.
func (a *Asking) AnnounceAll() {
	for _, ih := range a.Asked.All() {
		if a.Client().Torrent(ih) != nil {
			continue
		}
		f, v, ok := a.Share.Lookup(ih)
		if !ok {
			continue
		}
		meta, err := a.Share.MetaInfo(f, v)
		if err == nil {
			_, err = a.Client().Add(a.Specs.ShareSpec(meta, f))
		}
		if err != nil {
			a.Log.Warn("announcing a shared file", "path", f.Path, "err", err)
		}
	}
}
