//go:build linux

package tree

import (
	"sync"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/metainfo"
)

// maxShown bounds the paths that Shown remembers.
const maxShown = 100_000

// Shown remembers under which paths the kernel was told of how much of a
// file is here, so that it can be told again when pieces come and go.
type Shown struct {
	changed func(path string, kind p2fs.ChangeKind)

	mu    sync.Mutex
	paths map[[32]byte]map[string]bool // by pieces root, or content of an added torrent's file
	count int
}

// note remembers that a file's blocks were shown.
func (s *Shown) note(n Node, path string) {
	if n.Local == 0 || n.Kind != p2fs.File {
		return
	}
	content := n.Content
	if n.Shared != nil {
		content = n.Shared.Root // all that the cache can tell of what it drops
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
func (s *Shown) take(content [32]byte) (paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path := range s.paths[content] {
		paths = append(paths, path)
	}
	s.count -= len(paths)
	delete(s.paths, content)
	return paths
}

// Moved has the kernel ask again how much is here of the files of a piece that the
// cache has now, or has no more. hashes are those of the torrent that runs with it,
// nil if none does.
func (s *Shown) Moved(info *metainfo.Info, piece int, hashes []metainfo.Hash) {
	for _, span := range info.Pieces.Spans(piece, 0, info.PieceLength) {
		s.MovedFile(info.Files[span.File].Root)
		if hashes != nil {
			s.anew(torrentContent(hashes, span.File))
		}
	}
}

// MovedFile is Moved for a file of one piece.
func (s *Shown) MovedFile(root metainfo.Hash256) { s.anew(root) }

// anew has the kernel ask again how much of a file is here.
func (s *Shown) anew(content [32]byte) {
	for _, path := range s.take(content) {
		s.changed(path, p2fs.ChangeAttr)
	}
}
