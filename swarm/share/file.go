package share

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/serve"
)

// File is one published path.
type File = published.File

// Kind tells what a published path is.
type Kind = published.Kind

// The kinds of a File. Sockets, devices and FIFOs are never published.
const (
	Regular = published.Regular
	Symlink = published.Symlink
	Dir     = published.Dir
)

// Delta is what is different in what is published.
type Delta = published.Delta

// Reader reads the contents of a published file.
type Reader = serve.Reader

// Version says which of a file's two torrents is meant.
type Version uint8

// The two torrents of a file. They have the same pieces.
const (
	V1 Version = 1 // BEP 3
	V2 Version = 2 // BEP 52
)

// Files returns what is published now, sorted by Path in byte order. It takes
// as long as there are files.
func (s *Share) Files() []File { return s.set.Files() }

// Find returns what is published at a path.
func (s *Share) Find(path string) (File, bool) { return file(s.set.ByPath(path)) }

// ByContent finds a published file by its pieces root and size. Of several with
// the same contents it is any one.
func (s *Share) ByContent(c metainfo.Content) (File, bool) { return file(s.set.ByContent(c)) }

// Object finds a published file of at most one block (16 KiB) by its SHA-256,
// which is its pieces root, too.
func (s *Share) Object(sum metainfo.Hash256) (File, bool) { return file(s.set.Block(sum)) }

func file(e *published.Entry, ok bool) (File, bool) {
	if !ok {
		return File{}, false
	}
	return e.File(), true
}

// Lookup finds a published file by the infohash of either of its torrents, in
// the 20 bytes of a handshake.
func (s *Share) Lookup(ih metainfo.Hash) (File, Version, bool) {
	e, ok := s.set.ByHash(ih)
	switch {
	case !ok:
		return File{}, 0, false
	case e.V1 == ih:
		return e.File(), V1, true
	}
	return e.File(), V2, true
}

// Reader returns a Reader for a published file. The error is fs.ErrNotExist if
// nothing published has these contents.
func (s *Share) Reader(c metainfo.Content) (*Reader, error) { return s.serve.Reader(c) }

// MetaInfo builds one of the two torrents of a published file, v2 with its
// layers. It reads the piece hashes from the database. The error is
// fs.ErrNotExist if nothing with f's contents is published, or if the hashes
// were lost: then the file is hashed again. It is ErrChanged if f is about to
// be replaced by a new version.
func (s *Share) MetaInfo(f File, v Version) (*metainfo.MetaInfo, error) {
	e, ok := s.set.ByContent(f.Content())
	if !ok {
		return nil, &fs.PathError{Op: "torrent", Path: f.Path, Err: fs.ErrNotExist}
	}
	h, err := s.serve.Hashes(e)
	if err != nil {
		return nil, err
	}
	m, name := new(metainfo.MetaInfo), path.Base(f.Path)
	if v == V1 {
		m.Info, err = s.torrents.V1(name, f.Size, e.Root, h.Pieces)
	} else {
		m.Info, err = s.torrents.V2(name, f.Size, e.Root)
	}
	if err != nil {
		return nil, fmt.Errorf("share: %q: %w", f.Path, err)
	}
	if v == V2 && len(h.Layer) > 0 {
		m.Layers = metainfo.Layers{e.Root: h.Layer}
	}
	return m, nil
}

// Verify reads all of a published file and compares each piece with its hash,
// whatever is believed of it, and calls done with the bytes of each. A file that
// is not what was published is hashed again, and the error wraps ErrChanged. It
// is fs.ErrNotExist if f is not published (any more), else that of the disk or
// of ctx. It does not wait for the loop, and other readers of the file for one
// piece at most.
func (s *Share) Verify(ctx context.Context, f File, done func(n int64)) error {
	e, ok := s.set.ByPath(f.Path)
	if !ok || e.Content() != f.Content() || !e.Hashed() {
		return &fs.PathError{Op: "verify", Path: f.Path, Err: fs.ErrNotExist}
	}
	return s.serve.Verify(ctx, e, done)
}
