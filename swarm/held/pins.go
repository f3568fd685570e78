package held

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

// Pins is what the user wants kept in the store, over restarts.
type Pins struct {
	store Store
	index *Index
	path  string // of the list

	saving sync.Mutex // held while the list is written
	mu     sync.Mutex // guards byID and each Pin's keys
	byID   map[PinID]*Pin
}

// OpenPins reads the list of an earlier run, the file at a path, and pins those of
// its files' pieces whose names the index knows.
func OpenPins(path string, store Store, index *Index) (*Pins, error) {
	p := &Pins{store: store, index: index, path: path, byID: map[PinID]*Pin{}}
	list, err := p.load()
	if err != nil {
		return nil, fmt.Errorf("list of pinned files %s: %w", path, err)
	}
	for _, n := range list {
		if info := n.info(index); info != nil {
			p.pinHeld(info)
		}
	}
	return p, nil
}

// load reads the list.
func (p *Pins) load() ([]*Pin, error) {
	data, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && durable.Blank(data) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*Pin
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range list {
		if !n.ID.of.Root.IsZero() {
			n.ID.of.Size = n.Size
		}
		n.keys = map[Key]bool{}
		p.byID[n.ID] = n
	}
	return list, nil
}

// Save writes the list, and waits for the disk.
func (p *Pins) Save() error {
	p.saving.Lock()
	defer p.saving.Unlock()
	data, err := json.Marshal(p.Below(""))
	if err != nil {
		return err
	}
	return durable.WriteFile(p.path, data, 0o600)
}

// Below lists the pins whose path was at or below one, by path.
func (p *Pins) Below(path string) (list []*Pin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.byID {
		if path == "" || n.Path == path || strings.HasPrefix(n.Path, path+"/") {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b *Pin) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// Bytes is how much of the store all pins may take.
func (p *Pins) Bytes() (sum int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.byID {
		sum += DiskSize(n.Size)
	}
	return sum
}

// DiskSize is what a file of that size takes on disk at most.
func DiskSize(size int64) int64 {
	const unit = 4 << 10
	return (size + unit - 1) / unit * unit
}

// Has reports whether a file is pinned.
func (p *Pins) Has(id PinID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byID[id] != nil
}

// Add pins a file of a torrent, also what of it is yet to come. What is already
// pinned stays so.
func (p *Pins) Add(info *metainfo.Info, n *Pin) {
	p.mu.Lock()
	if p.byID[n.ID] == nil {
		n.keys = map[Key]bool{}
		p.byID[n.ID] = n
	}
	p.mu.Unlock()
	p.pinHeld(info)
}

// Remove unpins a file, and reports whether it was pinned.
func (p *Pins) Remove(id PinID) bool {
	p.mu.Lock()
	n := p.byID[id]
	delete(p.byID, id)
	p.mu.Unlock()
	if n == nil {
		return false
	}
	for k := range n.keys { // nobody else finds n any more
		p.store.Unpin(k)
	}
	return true
}

// Storing pins a piece that is here or about to be, if it is one of a pinned file.
func (p *Pins) Storing(info *metainfo.Info, piece int, k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byID) == 0 {
		return
	}
	for _, s := range info.Pieces.Spans(piece, 0, info.PieceLength) {
		p.keep(p.byID[PinOf(info, s.File)], k)
	}
}

// keep pins a piece of n; n may be nil. mu is held.
func (p *Pins) keep(n *Pin, k Key) {
	if n != nil && !n.keys[k] {
		n.keys[k] = true
		p.store.Pin(k)
	}
}

// pinHeld pins those pieces of pinned files that are known by name.
func (p *Pins) pinHeld(info *metainfo.Info) {
	for i := range info.Pieces.Count() {
		if k, _ := p.index.Key(info, i); k != (Key{}) {
			p.Storing(info, i, k)
		}
	}
}
