//go:build linux

package files

import (
	"log/slog"

	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// Serving says what others can have of us: peers of any torrent, and members of the
// drive.
type Serving struct {
	Specs  *Specs
	Share  *share.Share
	Index  *held.Index
	Twins  *Twins
	Asking *Asking
	Files  *Files
	Log    *slog.Logger
}

// Lookup makes the torrent that a peer asks for, if the share directory or the
// cache has it.
func (s *Serving) Lookup(ih metainfo.Hash) (swarm.Spec, bool) {
	if f, v, ok := s.Share.Lookup(ih); ok {
		meta, err := s.Share.MetaInfo(f, v)
		if err != nil {
			s.Log.Warn("torrent of a shared file", "path", f.Path, "err", err)
			return swarm.Spec{}, false
		}
		if v == share.V1 { // an ordinary client: others like it may come
			s.Asking.Remember(ih, false)
		}
		return s.Specs.ShareSpec(meta, f), true
	}
	if all := s.Twins.with(ih); len(all) > 0 {
		return serveTwin(all)
	}
	if meta := s.Index.MetaInfo(ih); meta != nil {
		return s.Specs.cachedSpec(meta), true
	}
	return swarm.Spec{}, false
}

// Holders answers another member that asks who has a file: ourselves, if
// we have something of it.
func (s *Serving) Holders(of metainfo.Content) []drive.Holder {
	_, shared := s.Share.ByContent(of)
	if shared || s.Index.Local(of) == of.Size {
		return []drive.Holder{{Pieces: drive.Pieces{All: true}}}
	}
	here := s.Index.Pieces(of)
	if here == nil {
		return nil
	}
	bits := make([]byte, (here.Len()+7)/8)
	for i, ok := here.NextSet(0); ok; i, ok = here.NextSet(i + 1) {
		bits[i/8] |= 0x80 >> (i % 8)
	}
	return []drive.Holder{{Pieces: drive.Pieces{All: here.All(), Bits: bits}}}
}

// Object serves tiny files to members.
func (s *Serving) Object(h catalog.Hash) ([]byte, bool) { return s.Files.localTiny(h) }
