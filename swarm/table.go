package swarm

import (
	"maps"
	"slices"
	"sync"

	"p2pfs/swarm/gather"
	"p2pfs/swarm/metainfo"
)

// table is what infohashes mean here: torrents, and the swarms of drives. Safe for
// concurrent use.
type table struct {
	mu       sync.Mutex // guards what follows; never held across I/O
	torrents map[metainfo.Hash]*Torrent
	swarms   map[metainfo.Hash]*gather.Gathering
	closed   bool
	received int64 // payload bytes of torrents that ended
	sent     int64
}

func newTable() *table {
	return &table{torrents: map[metainfo.Hash]*Torrent{}, swarms: map[metainfo.Hash]*gather.Gathering{}}
}

// torrent is that of an infohash, nil if there is none.
func (b *table) torrent(h metainfo.Hash) *Torrent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.torrents[h]
}

// swarm is that of a drive, nil if there is none.
func (b *table) swarm(h metainfo.Hash) *gather.Gathering {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.swarms[h]
}

// all are all torrents.
func (b *table) all() (out []*Torrent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[*Torrent]bool{}
	for _, t := range b.torrents {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// add returns the torrent of one of some infohashes that is here, or the one that
// start makes, which it is from now on.
func (b *table) add(hashes []metainfo.Hash, start func() *Torrent) (t *Torrent, here bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, false, ErrClosed
	}
	for _, h := range hashes {
		if t := b.torrents[h]; t != nil && t.Err() == nil {
			return t, true, nil
		}
	}
	t = start()
	for _, h := range hashes {
		b.torrents[h] = t
	}
	return t, false, nil
}

// learn adds infohashes to a torrent's.
func (b *table) learn(t *Torrent, hashes []metainfo.Hash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range hashes {
		if b.torrents[h] == nil && !slices.Contains(t.naming.hashes, h) {
			b.torrents[h] = t
		}
	}
}

// forget takes out an ended torrent, and counts what it moved. Where the table is
// still open, leave is called before another may close it.
func (b *table) forget(t *Torrent, received, sent int64, leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for h, of := range b.torrents {
		if of == t {
			delete(b.torrents, h)
		}
	}
	b.received += received
	b.sent += sent
	if !b.closed {
		leave()
	}
}

// join puts in the swarm of a drive, and leave takes it out again.
func (b *table) join(h metainfo.Hash, g *gather.Gathering) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.swarms[h] = g
}

func (b *table) leave(h metainfo.Hash, g *gather.Gathering) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.swarms[h] == g {
		delete(b.swarms, h)
	}
}

// close lets no torrent in any more, and returns the swarms of drives.
func (b *table) close() []*gather.Gathering {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return slices.Collect(maps.Values(b.swarms))
}

// ended is what torrents that ended have received and sent.
func (b *table) ended() (received, sent int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.received, b.sent
}
