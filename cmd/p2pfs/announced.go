//go:build linux

package main

import (
	"time"

	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// remember has a shared file announced from now on, and over restarts.
func (m *member) remember(ih metainfo.Hash, user bool) error {
	gone, err := m.asked.add(ih, user, fetchedFrom(m.client), time.Now())
	if err != nil && !user {
		m.log.Warn("infohash not remembered", "infohash", ih, "err", err)
	}
	m.unannounce(gone)
	return err
}

// unannounce ends torrents that are not asked for any more. Who still wants
// one finds the file by dialling us.
func (m *member) unannounce(gone []metainfo.Hash) {
	for _, ih := range gone {
		if t := m.client.Torrent(ih); t != nil {
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

// tendAsked forgets what nobody has asked for in a long time.
func (m *member) tendAsked() {
	gone := m.asked.expire(fetchedFrom(m.client), time.Now())
	m.unannounce(gone)
	if err := m.asked.flush(time.Now()); err != nil {
		m.log.Warn("list of announced files", "err", err)
	}
}

// announceAsked serves the shared files that were asked for, as far as they are
// published and not served yet: after a restart, and when one comes back.
func (m *member) announceAsked() {
	for _, ih := range m.asked.all() {
		if m.client.Torrent(ih) != nil {
			continue
		}
		f, v, ok := m.share.Lookup(ih)
		if !ok {
			continue
		}
		meta, err := m.share.MetaInfo(f, v)
		if err == nil {
			_, err = m.client.Add(m.shareSpec(meta, f))
		}
		if err != nil {
			m.log.Warn("announcing a shared file", "path", f.Path, "err", err)
		}
	}
}
