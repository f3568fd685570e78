package held

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

// sidecarSuffix ends the names of the files that Sidecars keeps.
const sidecarSuffix = ".torrent"

// Sidecars keeps the metainfo of torrents beside the store, so that a restart
// finds their pieces without a peer: as torrent files, named by infohash.
type Sidecars struct {
	dir   string
	index *Index
	later *durable.Later
}

// OpenSidecars reads the metainfo in a directory, which it makes, into an index. A
// file that cannot be read is dropped: its pieces are found again when the torrent
// is.
func OpenSidecars(dir string, index *Index, log *slog.Logger) (*Sidecars, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if !strings.HasSuffix(n.Name(), sidecarSuffix) {
			os.Remove(path) // left by a crash
			continue
		}
		m, err := readTorrent(path)
		if err != nil {
			log.Warn("dropping unreadable metainfo", "path", path, "err", err)
			os.Remove(path)
			continue
		}
		index.saved(index.Add(m), nil)
	}
	return &Sidecars{dir: dir, index: index, later: durable.NewLater(log)}, nil
}

func readTorrent(path string) (*metainfo.MetaInfo, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return metainfo.Parse(data)
}

// saved notes that a torrent's metainfo is on disk, or soon, and that it is m if
// that is not nil.
func (x *Index) saved(t *Torrent, m *metainfo.MetaInfo) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t.saved = true
	if m != nil {
		t.meta = m
	}
}

// Load returns the torrent of that infohash, nil if it is not kept.
func (s *Sidecars) Load(ih metainfo.Hash) *metainfo.MetaInfo {
	s.index.mu.Lock()
	defer s.index.mu.Unlock()
	if t := s.index.byHash[ih]; t != nil && t.saved {
		return t.meta
	}
	return nil
}

// Save keeps a torrent whose metadata or layers have come. It waits for no disk.
func (s *Sidecars) Save(_ metainfo.Hash, m *metainfo.MetaInfo) {
	s.index.saved(s.index.torrent(m), m)
	s.later.Put(filepath.Join(s.dir, m.Info.InfoHashes()[0].String()+sidecarSuffix), m.Marshal)
}

// Keep saves a torrent with the layers that are known now, if it is not saved and
// none is missing: it is called with each piece that is stored.
func (s *Sidecars) Keep(t *Torrent, layers metainfo.Layers) {
	s.index.mu.Lock()
	saved, m := t.saved, *t.meta
	s.index.mu.Unlock()
	if !saved && len(m.Info.MissingLayers(layers)) == 0 {
		m.Layers = layers
		s.Save(metainfo.Hash{}, &m)
	}
}

// Close waits until all is written.
func (s *Sidecars) Close() error { return s.later.Close() }
