//go:build linux

package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

// pinID names what a pin keeps: a file by its content, or a file of a v1
// torrent by its place there.
type pinID struct {
	of       metainfo.Content
	infoHash metainfo.Hash // if of has no root
	file     int
}

// MarshalText writes "root HEX SIZE", or "infohash HEX FILE".
func (id pinID) MarshalText() ([]byte, error) {
	if !id.of.Root.IsZero() {
		return fmt.Appendf(nil, "root %x %d", id.of.Root[:], id.of.Size), nil
	}
	return fmt.Appendf(nil, "infohash %x %d", id.infoHash[:], id.file), nil
}

// UnmarshalText reads what MarshalText writes, and "root HEX", which older
// versions wrote: load knows the size.
func (id *pinID) UnmarshalText(text []byte) error {
	*id = pinID{}
	var hash []byte
	if n, err := fmt.Sscanf(string(text), "root %x %d", &hash, &id.of.Size); n > 0 && (err == nil || n == 1) && copy(id.of.Root[:], hash) == len(id.of.Root) {
		return nil
	}
	if _, err := fmt.Sscanf(string(text), "infohash %x %d", &hash, &id.file); err != nil || copy(id.infoHash[:], hash) != len(id.infoHash) {
		return fmt.Errorf("no pin: %q", text)
	}
	return nil
}

// pinOf is the pinID of a file of a torrent.
func pinOf(info *metainfo.Info, file int) pinID {
	if c := info.Content(file); !c.Root.IsZero() {
		return pinID{of: c}
	}
	return pinID{infoHash: info.InfoHashes()[0], file: file}
}

// pin is a pinned file. Its fields but keys are immutable.
type pin struct {
	ID   pinID  `json:"id"`
	Path string `json:"path"` // in the mount, when it was pinned
	Size int64  `json:"size"`
	// Torrent is the infohash, in hex, of the torrent that it was pinned in,
	// by which its pieces are found again.
	Torrent string `json:"torrent"`

	keys map[cache.Key]bool // pinned in the cache; guarded by pins' mu
}

// pins is what the user wants kept in the cache, over restarts. Safe for
// concurrent use.
type pins struct {
	cache *cache.Store
	path  string // of the list; "" until load

	saving sync.Mutex // held while the list is written
	mu     sync.Mutex // guards byID and each pin's keys
	byID   map[pinID]*pin
}

func newPins(store *cache.Store) *pins {
	return &pins{cache: store, byID: map[pinID]*pin{}}
}

// load reads the list of an earlier run. Whoever knows the pieces of the pins
// tells them by coming.
func (p *pins) load(path string) ([]*pin, error) {
	p.path = path
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && durable.Blank(data) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*pin
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range list {
		if !n.ID.of.Root.IsZero() {
			n.ID.of.Size = n.Size
		}
		n.keys = map[cache.Key]bool{}
		p.byID[n.ID] = n
	}
	return list, nil
}

// save writes the list.
func (p *pins) save() error {
	p.saving.Lock()
	defer p.saving.Unlock()
	data, err := json.Marshal(p.below(""))
	if err != nil {
		return err
	}
	return replaceFile(p.path, data)
}

// below lists the pins whose path was at or below one, by path.
func (p *pins) below(path string) (list []*pin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.byID {
		if path == "" || n.Path == path || strings.HasPrefix(n.Path, path+"/") {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *pin) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// bytes is how much of the cache all pins may take.
func (p *pins) bytes() (sum int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.byID {
		sum += diskSize(n.Size)
	}
	return sum
}

// diskSize is what a file of that size takes on disk at most.
func diskSize(size int64) int64 {
	const unit = 4 << 10
	return (size + unit - 1) / unit * unit
}

func (p *pins) has(id pinID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id] != nil
}

// add pins a file; what is already pinned stays so.
func (p *pins) add(n *pin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID[n.ID] == nil {
		n.keys = map[cache.Key]bool{}
		p.byID[n.ID] = n
	}
}

// remove unpins a file, and reports whether it was pinned.
func (p *pins) remove(id pinID) bool {
	p.mu.Lock()
	n := p.byID[id]
	delete(p.byID, id)
	p.mu.Unlock()
	if n == nil {
		return false
	}
	for k := range n.keys { // nobody else finds n any more
		p.cache.Unpin(k)
	}
	return true
}

// coming pins a piece that is here or about to be, if it is one of a pinned
// file.
func (p *pins) coming(info *metainfo.Info, piece int, k cache.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byID) == 0 {
		return
	}
	for _, s := range info.Pieces.Spans(piece, 0, info.PieceLength) {
		p.keep(p.byID[pinOf(info, s.File)], k)
	}
}

// keep pins a piece of n; n may be nil. mu is held.
func (p *pins) keep(n *pin, k cache.Key) {
	if n != nil && !n.keys[k] {
		n.keys[k] = true
		p.cache.Pin(k)
	}
}

// loadPins reads the pins of an earlier run and finds their pieces.
func (hs *holdings) loadPins(state string) error {
	path := filepath.Join(state, "pins")
	list, err := hs.pins.load(path)
	if err != nil {
		return fmt.Errorf("list of pinned files %s: %w", human.Quoted(path), err)
	}
	for _, n := range list {
		if info := hs.infoOf(n); info != nil {
			hs.pinHeld(info)
		}
	}
	return nil
}

// infoOf is the torrent that a pin's pieces belong to, nil if nothing is known
// of it: then nothing is held either.
func (hs *holdings) infoOf(n *pin) *metainfo.Info {
	var ih metainfo.Hash
	hex.Decode(ih[:], []byte(n.Torrent[:min(len(n.Torrent), 2*len(ih))])) // a wrong one finds nothing
	hs.mu.Lock()
	h := hs.byHash[ih]
	if h == nil {
		h = hs.files[n.ID.of]
	}
	hs.mu.Unlock()
	if h != nil {
		return h.info
	}
	if n.ID.of.Root.IsZero() {
		return nil
	}
	info, err := metainfo.BuildV2("pinned", n.Size, metainfo.PieceLength(n.Size), n.ID.of.Root)
	if err != nil {
		return nil
	}
	return info
}

// pinHeld pins those pieces of pinned files that are known by name.
func (hs *holdings) pinHeld(info *metainfo.Info) {
	for i := range info.Pieces.Count() {
		if k, _ := hs.keyOf(info, i); k != (cache.Key{}) {
			hs.pins.coming(info, i, k)
		}
	}
}
