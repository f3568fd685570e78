package held

import (
	"encoding/hex"
	"fmt"

	"p2pfs/swarm/metainfo"
)

// PinID names what a pin keeps: a file by its content, or a file of a v1 torrent by
// its place there.
type PinID struct {
	of       metainfo.Content
	infoHash metainfo.Hash // if of has no root
	file     int
}

// PinOf is the PinID of a file of a torrent.
func PinOf(info *metainfo.Info, file int) PinID {
	if c := info.Content(file); !c.Root.IsZero() {
		return PinID{of: c}
	}
	return PinID{infoHash: info.InfoHashes()[0], file: file}
}

// MarshalText writes "root HEX SIZE", or "infohash HEX FILE".
func (id PinID) MarshalText() ([]byte, error) {
	if !id.of.Root.IsZero() {
		return fmt.Appendf(nil, "root %x %d", id.of.Root[:], id.of.Size), nil
	}
	return fmt.Appendf(nil, "infohash %x %d", id.infoHash[:], id.file), nil
}

// UnmarshalText reads what MarshalText writes, and "root HEX", which older versions
// wrote: the size is then the Pin's.
func (id *PinID) UnmarshalText(text []byte) error {
	*id = PinID{}
	var hash []byte
	if n, err := fmt.Sscanf(string(text), "root %x %d", &hash, &id.of.Size); n > 0 && (err == nil || n == 1) && copy(id.of.Root[:], hash) == len(id.of.Root) {
		return nil
	}
	if _, err := fmt.Sscanf(string(text), "infohash %x %d", &hash, &id.file); err != nil || copy(id.infoHash[:], hash) != len(id.infoHash) {
		return fmt.Errorf("no pin: %q", text)
	}
	return nil
}

// Pin is a pinned file. Its fields but keys are immutable.
type Pin struct {
	ID   PinID  `json:"id"`
	Path string `json:"path"` // in the mount, when it was pinned
	Size int64  `json:"size"` // bytes
	// Torrent is the infohash, in hex, of the torrent that it was pinned in,
	// by which its pieces are found again.
	Torrent string `json:"torrent"`

	keys map[Key]bool // pinned in the store; guarded by Pins' mu
}

// NewPin is a pin of a file of a torrent, which stands at that path.
func NewPin(info *metainfo.Info, file int, path string) *Pin {
	return &Pin{ID: PinOf(info, file), Path: path, Size: info.Files[file].Length, Torrent: info.InfoHashes()[0].String()}
}

// info is the torrent that a pin's pieces belong to, nil if nothing is known of it:
// then nothing is held either.
func (n *Pin) info(x *Index) *metainfo.Info {
	var ih metainfo.Hash
	hex.Decode(ih[:], []byte(n.Torrent[:min(len(n.Torrent), 2*len(ih))])) // a wrong one finds nothing
	x.mu.Lock()
	t := x.byHash[ih]
	if t == nil {
		t = x.files[n.ID.of]
	}
	x.mu.Unlock()
	if t != nil {
		return t.info
	}
	if n.ID.of.Root.IsZero() {
		return nil
	}
	info, err := metainfo.BuildV2("pinned", n.Size, metainfo.PieceLength(n.Size), n.ID.of.Root, metainfo.Options{})
	if err != nil {
		return nil
	}
	return info
}
