package state

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm"
	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

// SidecarDir is where, below the state directory, torrents are remembered
// whose metadata or piece layers came from peers.
const SidecarDir = "fetched"

// sidecars keeps them as torrent files, named by infohash. A file is checked
// against its name when it is read, so nothing else in it is trusted. It is
// safe for concurrent use.
type sidecars struct {
	dir string
	log *slog.Logger
}

var _ swarm.Sidecar = sidecars{}

// NewSidecars returns the sidecars below that state directory.
func NewSidecars(state string, log *slog.Logger) sidecars {
	return sidecars{filepath.Join(state, SidecarDir), log}
}

func (s sidecars) path(h metainfo.Hash) string { return filepath.Join(s.dir, h.String()+".torrent") }

// Load returns the torrent of that infohash, nil if it is not remembered.
func (s sidecars) Load(h metainfo.Hash) *metainfo.MetaInfo {
	data, err := ReadTorrent(s.path(h))
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
	return durable.WriteFile(s.path(h), data, 0o600)
}

// ReadTorrent reads a file of at most metainfo.MaxInfo bytes.
func ReadTorrent(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, metainfo.MaxInfo+1))
	if err == nil && len(data) > metainfo.MaxInfo {
		err = fmt.Errorf("%s: larger than %s, which no .torrent is", human.Quoted(path), human.Size(metainfo.MaxInfo))
	}
	return data, err
}
