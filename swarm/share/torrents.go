package share

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"strings"

	"p2pfs/swarm/metainfo"
)

// Lookup finds a published file by the infohash of either of its torrents, in
// the 20 bytes of a handshake.
func (s *Share) Lookup(ih metainfo.Hash) (File, Version, bool) {
	e, ok := s.index.hash(ih)
	switch {
	case !ok:
		return File{}, 0, false
	case e.V1 == ih:
		return e.File, V1, true
	}
	return e.File, V2, true
}

// ByContent finds a published file by its pieces root and size. Of several with
// the same contents it is any one.
func (s *Share) ByContent(c metainfo.Content) (File, bool) {
	e, ok := s.index.first(c)
	if !ok {
		return File{}, false
	}
	return e.File, true
}

// Object finds a published file of at most one block (16 KiB) by its SHA-256,
// which is its pieces root, too.
func (s *Share) Object(sum metainfo.Hash256) (File, bool) {
	e, ok := s.index.object(sum)
	if !ok {
		return File{}, false
	}
	return e.File, true
}

// MetaInfo builds one of the two torrents of a published file, v2 with its
// layers. It reads the piece hashes from the database. The error is
// fs.ErrNotExist if nothing with f's contents is published, or if the hashes
// were lost: then the file is hashed again. It is ErrChanged if f is about to
// be replaced by a new version.
func (s *Share) MetaInfo(f File, v Version) (*metainfo.MetaInfo, error) {
	e, ok := s.index.first(f.Content())
	if !ok {
		return nil, &fs.PathError{Op: "torrent", Path: f.Path, Err: fs.ErrNotExist}
	}
	name, size := f.Path[strings.LastIndexByte(f.Path, '/')+1:], e.Size
	opt, pl := s.options(e.Root), metainfo.PieceLength(size)
	h, err := s.hashesOf(e)
	if err != nil {
		return nil, err
	}
	var info *metainfo.Info
	if v == V1 {
		info, err = metainfo.BuildV1Options(name, size, pl, h.pieces, opt)
	} else {
		info, err = metainfo.BuildV2Options(name, size, pl, e.Root, opt)
	}
	if err != nil {
		return nil, fmt.Errorf("share: %q: %w", f.Path, err)
	}
	m := &metainfo.MetaInfo{Info: info}
	if v == V2 && len(h.layer) > 0 {
		m.Layers = metainfo.Layers{e.Root: h.layer}
	}
	return m, nil
}

// nameSummary fills in the infohashes for a base name.
func (s *Share) nameSummary(sum *summary, name string, size int64, pieces []metainfo.Hash) error {
	opt := s.options(sum.root)
	v1, err := metainfo.BuildV1Options(name, size, metainfo.PieceLength(size), pieces, opt)
	if err != nil {
		return fmt.Errorf("v1 torrent: %w", err)
	}
	v2, err := metainfo.BuildV2Options(name, size, metainfo.PieceLength(size), sum.root, opt)
	if err != nil {
		return fmt.Errorf("v2 torrent: %w", err)
	}
	sum.v1, sum.v2, sum.tag = v1.HashV1, v2.HashV2.Short(), s.tag(name, opt)
	return nil
}

// tag stands for all that makes a file's infohashes besides its contents.
func (s *Share) tag(name string, opt metainfo.Options) [8]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%t %q %s", opt.Private, opt.Source, name))
	return [8]byte(sum[:8])
}

func (s *Share) options(root metainfo.Hash256) metainfo.Options {
	if s.cfg.Params == nil {
		return metainfo.Options{}
	}
	return s.cfg.Params(root)
}
