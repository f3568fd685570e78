package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// sidecarDir is where, below the state directory, torrents are remembered
// whose metadata or piece layers came from peers.
const sidecarDir = "fetched"

// sidecars keeps them as torrent files, named by infohash. A file is checked
// against its name when it is read, so nothing else in it is trusted. It is
// safe for concurrent use.
type sidecars struct {
	dir string
	log *slog.Logger
}

var _ swarm.Sidecar = sidecars{}

// newSidecars returns the sidecars below that state directory.
func newSidecars(state string, log *slog.Logger) sidecars {
	return sidecars{filepath.Join(state, sidecarDir), log}
}

func (s sidecars) path(h metainfo.Hash) string { return filepath.Join(s.dir, h.String()+".torrent") }

// Load returns the torrent of that infohash, nil if it is not remembered.
func (s sidecars) Load(h metainfo.Hash) *metainfo.MetaInfo {
	data, err := readTorrentFile(s.path(h))
	if err != nil {
		return nil
	}
	m, err := metainfo.Parse(data)
	if err != nil || !slices.Contains(m.Info.InfoHashes(), h) {
		s.log.Warn("remembered torrent is damaged", "infohash", h, "err", err)
		return nil
	}
	return m
}

// Save remembers the torrent under that infohash. What goes wrong is logged:
// the torrent then has to come from peers again.
func (s sidecars) Save(h metainfo.Hash, m *metainfo.MetaInfo) {
	if err := s.save(h, m); err != nil {
		s.log.Warn("torrent is not remembered", "infohash", h, "err", err)
	}
}

func (s sidecars) save(h metainfo.Hash, m *metainfo.MetaInfo) error {
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return replaceFile(s.path(h), data)
}
