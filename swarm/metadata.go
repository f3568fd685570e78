package swarm

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

const (
	// metadataFetches is how many peers the info dictionary is fetched from
	// at once, each into a buffer of its own: so a liar spoils only his.
	metadataFetches = 3
	// metadataTimeout gives up on a peer that stopped sending it.
	metadataTimeout = 10 * time.Second
	// metadataServed bounds the requests of one peer.
	metadataServed = 4096
)

// metadata fetches and serves the info dictionary (BEP 9). Owned by the loop.
type metadata struct {
	fetches map[int]*metadataFetch // by remote
	failed  map[int]bool           // remotes that rejected or lied
	served  map[int]int
	opening bool
}

// metadataFetch is one peer's copy, coming in.
type metadataFetch struct {
	size int
	got  [][]byte
	have int
	last time.Time
}

// begin opens the storage at once where the metadata is known.
func (l *loop) begin() {
	l.meta = metadata{fetches: map[int]*metadataFetch{}, failed: map[int]bool{}, served: map[int]int{}}
	if m := l.t.spec.MetaInfo; m != nil {
		l.openStorage(m, false)
	}
	l.announce.tick(l)
	l.dial()
}

func (ms *metadata) busy(r *remote) bool { return ms.fetches[r.id] != nil }

// schedule asks peers that have the metadata for it.
func (ms *metadata) schedule(l *loop) {
	if l.content != nil || ms.opening {
		return
	}
	for id, f := range ms.fetches {
		if l.now.Sub(f.last) > metadataTimeout {
			delete(ms.fetches, id)
			ms.failed[id] = true
		}
	}
	for id, r := range l.remotes {
		if len(ms.fetches) >= metadataFetches {
			return
		}
		if size := r.ext.MetadataSize; size > 0 && r.extID(wire.ExtMetadata) != 0 && !ms.failed[id] && ms.fetches[id] == nil {
			ms.fetch(l, r, size)
		}
	}
}

func (ms *metadata) fetch(l *loop, r *remote, size int) {
	n := (size + wire.MetadataPiece - 1) / wire.MetadataPiece
	ms.fetches[r.id] = &metadataFetch{size: size, got: make([][]byte, n), last: l.now}
	id := r.extID(wire.ExtMetadata)
	r.conn.Send(func(dst []byte) []byte {
		for i := range n {
			dst = wire.AppendMetadata(dst, id, wire.Metadata{Type: wire.MetadataRequest, Piece: i})
		}
		return dst
	})
}

func (ms *metadata) left(l *loop, r *remote) {
	delete(ms.fetches, r.id)
	delete(ms.failed, r.id)
	delete(ms.served, r.id)
	ms.schedule(l)
}

func (l *loop) onMetadata(r *remote, body []byte) error {
	m, err := wire.ParseMetadata(body)
	if err != nil {
		return err
	}
	switch m.Type {
	case wire.MetadataRequest:
		l.serveMetadata(r, m.Piece)
	case wire.MetadataData:
		l.meta.data(l, r, m)
	case wire.MetadataReject:
		if l.meta.fetches[r.id] != nil {
			delete(l.meta.fetches, r.id)
			l.meta.failed[r.id] = true
			l.meta.schedule(l)
		}
	}
	return nil
}

func (l *loop) serveMetadata(r *remote, piece int) {
	id := r.extID(wire.ExtMetadata)
	if id == 0 {
		return
	}
	l.meta.served[r.id]++
	reply := wire.Metadata{Type: wire.MetadataReject, Piece: piece}
	if l.content != nil && l.meta.served[r.id] <= metadataServed {
		raw := l.info().Raw
		if from := piece * wire.MetadataPiece; from < len(raw) {
			end := min(len(raw), from+wire.MetadataPiece)
			reply = wire.Metadata{Type: wire.MetadataData, Piece: piece, TotalSize: len(raw), Data: raw[from:end]}
		}
	}
	r.conn.Send(func(dst []byte) []byte { return wire.AppendMetadata(dst, id, reply) })
}

func (ms *metadata) data(l *loop, r *remote, m wire.Metadata) {
	f := ms.fetches[r.id]
	if f == nil || m.Piece >= len(f.got) || f.got[m.Piece] != nil {
		return
	}
	if want := min(wire.MetadataPiece, f.size-m.Piece*wire.MetadataPiece); len(m.Data) != want {
		ms.blame(l, r)
		return
	}
	f.got[m.Piece] = bytes.Clone(m.Data)
	f.have++
	f.last, r.busy = l.now, l.now
	if f.have < len(f.got) {
		return
	}
	delete(ms.fetches, r.id)
	raw := bytes.Join(f.got, nil)
	if !l.t.isInfo(raw) {
		ms.blame(l, r)
		return
	}
	info, err := metainfo.ParseInfo(raw)
	if err != nil {
		l.end(fmt.Errorf("metadata of %v: %w", l.t.hashes[0], err))
		return
	}
	clear(ms.fetches)
	l.openStorage(&metainfo.MetaInfo{Info: info}, true)
}

// blame closes a peer whose metadata is not what the infohash names.
func (ms *metadata) blame(l *loop, r *remote) {
	ms.failed[r.id] = true
	l.ban(r.id, "sent false metadata")
	ms.schedule(l)
}

// isInfo reports whether raw is the info dictionary of the magnet, by every
// infohash that it has.
func (t *Torrent) isInfo(raw []byte) bool {
	m := t.spec.Magnet
	return (!m.HasV1 || m.V1 == sha1.Sum(raw)) && (!m.HasV2 || m.V2 == sha256.Sum256(raw))
}

// openStorage opens the storage off the loop.
func (l *loop) openStorage(m *metainfo.MetaInfo, fetched bool) {
	l.meta.opening = true
	l.t.spawn(func() {
		s, err := l.t.spec.Storage(m)
		if err == nil && fetched && l.t.client.cfg.Sidecar != nil {
			l.t.client.cfg.Sidecar.Save(l.t.hashes[0], m)
		}
		if !l.t.post(openedEvent{m, s, err}) && err == nil {
			s.Close()
		}
	})
}

// openedEvent is the metadata with its storage.
type openedEvent struct {
	meta    *metainfo.MetaInfo
	storage Storage
	err     error
}

func (e openedEvent) apply(l *loop) {
	if e.err != nil {
		l.end(e.err)
		return
	}
	// A magnet may name one half of a hybrid; now the other is known too,
	// and handshakes may carry it.
	l.t.client.table.learn(l.t, e.meta.Info.InfoHashes())
	l.opened(&content{meta: e.meta, storage: e.storage})
	l.announce.tick(l)
}
