//go:build linux

package main

import (
	"os"
	"path/filepath"

	"p2pfs/swarm/metainfo"
)

// sidecarSuffix ends the names of the files that holdings keeps.
const sidecarSuffix = ".torrent"

func readTorrent(path string) (*metainfo.MetaInfo, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return metainfo.Parse(data)
}

// Load is part of swarm.Sidecar.
func (hs *holdings) Load(ih metainfo.Hash) *metainfo.MetaInfo {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h := hs.byHash[ih]; h != nil && h.saved {
		return h.meta
	}
	return nil
}

// Save is part of swarm.Sidecar: metadata or layers came from peers.
func (hs *holdings) Save(_ metainfo.Hash, m *metainfo.MetaInfo) {
	h := hs.holding(m)
	hs.mu.Lock()
	h.meta = m
	hs.mu.Unlock()
	hs.write(h, m)
}

// write has the metainfo written soon: it is asked for once a torrent, when the
// first piece comes, which is to wait for no disk.
func (hs *holdings) write(h *holding, m *metainfo.MetaInfo) {
	hs.later.Put(filepath.Join(hs.dir, m.Info.InfoHashes()[0].String()+sidecarSuffix), m.Marshal)
	hs.mu.Lock()
	h.saved = true
	hs.mu.Unlock()
}

// Close waits until all is written.
func (hs *holdings) Close() error { return hs.later.Close() }
