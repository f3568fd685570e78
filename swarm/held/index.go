// Package held knows which pieces of which torrents a store of pieces has, by what
// name it has them, and which of them the user has pinned, also over restarts.
//
// It reads and writes no piece and knows neither peers nor mounts: the store is an
// interface, and who keeps a piece in it, or hears from it that one is gone, says
// so here. All is safe for concurrent use; locks are not held across I/O. What the
// Index says of a torrent is true of what was said to it: Store.Size alone says
// what is there.
package held

import (
	"sync"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/metainfo"
)

// Store keeps pieces under their keys. It does not block for long.
type Store interface {
	// Size is the length in bytes of a piece that is there.
	Size(Key) (int64, bool)
	// Pin has a piece stay, also one that is yet to come, until Unpin has been
	// called as often.
	Pin(Key)
	Unpin(Key)
}

// Index knows the pieces that a store has of torrents.
type Index struct {
	store Store

	mu     sync.Mutex                    // guards what follows
	files  map[metainfo.Content]*Torrent // of one file, of version 2
	byHash map[metainfo.Hash]*Torrent
	keys   map[Key][]ref
}

// Torrent is what an Index knows of one torrent. Its info is immutable, the
// Index's mu guards the rest.
type Torrent struct {
	info  *metainfo.Info
	meta  *metainfo.MetaInfo // replaced when layers have come
	held  *bitset.BitSet
	keys  map[int]Key // of the held pieces
	bytes int64
	saved bool // meta is on disk, or soon
}

type ref struct {
	t     *Torrent
	piece int
}

// Piece is one of a torrent.
type Piece struct {
	Info  *metainfo.Info
	Index int
}

// NewIndex returns an Index that knows no torrent.
func NewIndex(store Store) *Index {
	return &Index{
		store: store, files: map[metainfo.Content]*Torrent{}, byHash: map[metainfo.Hash]*Torrent{}, keys: map[Key][]ref{},
	}
}

// Add makes a torrent known, if it is not, and asks the store for its pieces.
func (x *Index) Add(m *metainfo.MetaInfo) *Torrent {
	t := x.torrent(m)
	x.find(t, m.Layers)
	return t
}

// torrent returns what is known of a torrent, made if it is new.
func (x *Index) torrent(m *metainfo.MetaInfo) *Torrent {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, ih := range m.Info.InfoHashes() {
		if t := x.byHash[ih]; t != nil {
			return t
		}
	}
	t := &Torrent{info: m.Info, meta: m, held: bitset.New(uint(m.Info.Pieces.Count())), keys: map[int]Key{}}
	for _, ih := range m.Info.InfoHashes() {
		x.byHash[ih] = t
	}
	if c, ok := singleFile(m.Info); ok && x.files[c] == nil {
		x.files[c] = t
	}
	return t
}

// singleFile is the content of a torrent of one file of version 2.
func singleFile(info *metainfo.Info) (metainfo.Content, bool) {
	if !info.V2 || !info.Single {
		return metainfo.Content{}, false
	}
	return info.Content(0), true
}

// find notes the pieces that the store has.
func (x *Index) find(t *Torrent, layers metainfo.Layers) {
	for i := range t.info.Pieces.Count() {
		if k, ok := PieceKey(t.info, layers, i); ok && x.Has(k, t.info.Pieces.Size(i)) {
			x.Stored(t, i, k)
		}
	}
}

// Has reports whether the store has a piece under that name, and of that length.
func (x *Index) Has(k Key, length int) bool {
	size, ok := x.store.Size(k)
	return ok && size == int64(length)
}

// Stored notes that a piece is held; also for the torrent of the same content
// under another name that answers for it.
func (x *Index) Stored(t *Torrent, piece int, k Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stored(t, piece, k)
	if c, ok := singleFile(t.info); ok {
		if same := x.files[c]; same != nil && same != t && same.info.PieceLength == t.info.PieceLength {
			x.stored(same, piece, k)
		}
	}
}

// stored notes that a piece of one torrent is held. mu is held.
func (x *Index) stored(t *Torrent, piece int, k Key) {
	if t.held.Test(uint(piece)) {
		return
	}
	t.held.Set(uint(piece))
	t.keys[piece] = k
	t.bytes += int64(t.info.Pieces.Size(piece))
	x.keys[k] = append(x.keys[k], ref{t, piece})
}

// StoredOf notes that a piece of a file is held, if that file's torrent is known.
func (x *Index) StoredOf(c metainfo.Content, piece int, k Key) {
	if t := x.fileOf(c); t != nil {
		x.Stored(t, piece, k)
	}
}

// FindOf asks the store for the pieces of a file whose layers have come, if that
// file's torrent is known.
func (x *Index) FindOf(c metainfo.Content, layers metainfo.Layers) {
	if t := x.fileOf(c); t != nil {
		x.find(t, layers)
	}
}

func (x *Index) fileOf(c metainfo.Content) *Torrent {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.files[c]
}

// Evicted notes that the store has a piece no more, and returns the pieces of
// torrents that it was.
func (x *Index) Evicted(k Key) (gone []Piece) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.keys[k] {
		if r.t.held.Test(uint(r.piece)) {
			r.t.held.Clear(uint(r.piece))
			delete(r.t.keys, r.piece)
			r.t.bytes -= int64(r.t.info.Pieces.Size(r.piece))
		}
		gone = append(gone, Piece{r.t.info, r.piece})
	}
	delete(x.keys, k)
	return gone
}
