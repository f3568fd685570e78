//go:build linux

package main

import (
	"sync"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// maxShown bounds the paths that shownBlocks remembers.
const maxShown = 100_000

// shownBlocks remembers under which paths the kernel was told of how much of a
// file is here, so that it can be told again when pieces come and go. The zero value
// is ready.
type shownBlocks struct {
	mu    sync.Mutex
	paths map[[32]byte]map[string]bool // by pieces root, or content of an added torrent's file
	count int
}

// note remembers that a file's blocks were shown.
func (s *shownBlocks) note(n node, path string) {
	if n.Local == 0 || n.Kind != p2fs.File {
		return
	}
	content := n.Content
	if n.entry != nil {
		content = n.entry.Root // all that the cache can tell of what it drops
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.paths[content]
	if of[path] || s.count >= maxShown {
		return
	}
	if s.paths == nil {
		s.paths = map[[32]byte]map[string]bool{}
	}
	if of == nil {
		of = map[string]bool{}
		s.paths[content] = of
	}
	of[path] = true
	s.count++
}

// take forgets and returns the paths of a content.
func (s *shownBlocks) take(content [32]byte) (paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path := range s.paths[content] {
		paths = append(paths, path)
	}
	s.count -= len(paths)
	delete(s.paths, content)
	return paths
}

// lost tells torrents and the kernel of a piece that the cache has no more.
func (m *member) lost(gone held.Key, of []held.Piece) {
	if root, ok := held.Root(gone); ok { // it may have been a whole file
		m.shownAnew(root)
	}
	for _, r := range of {
		spans := r.Info.Pieces.Spans(r.Index, 0, r.Info.PieceLength)
		for _, s := range spans {
			m.shownAnew(r.Info.Files[s.File].Root)
		}
		for _, ih := range r.Info.InfoHashes() {
			m.twins.lost(ih, r.Index)
			t := m.client.Torrent(ih)
			if t == nil {
				continue
			}
			t.Evicted(r.Index)
			for _, s := range spans {
				m.shownAnew(addedContent(t.InfoHashes(), s.File))
			}
		}
	}
}

// stored tells the kernel of a piece that the cache has now: it may have come
// after its file was read and closed.
func (m *member) stored(info *metainfo.Info, piece int) {
	t := m.client.Torrent(info.InfoHashes()[0])
	for _, s := range info.Pieces.Spans(piece, 0, info.PieceLength) {
		m.shownAnew(info.Files[s.File].Root)
		if t != nil {
			m.shownAnew(addedContent(t.InfoHashes(), s.File))
		}
	}
}

// shownAnew has the kernel ask again how much of a file is here.
func (m *member) shownAnew(content [32]byte) {
	for _, path := range m.blocks.take(content) {
		m.changed(path, p2fs.ChangeAttr)
	}
}
