package swarm

import (
	"fmt"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// begin opens the storage at once where the metadata is known.
func (l *loop) begin() {
	if m := l.t.spec.MetaInfo; m != nil {
		l.openStorage(m, false)
	}
	l.find.tell(l.need())
	l.find.dial(l.need())
}

// askMetadata asks peers for the metadata that are due to be asked.
func (l *loop) askMetadata() {
	for _, q := range l.meta.Ask(l.now) {
		r := l.crowd.of[q.Peer]
		id := r.extID(wire.ExtMetadata)
		r.conn.Send(func(dst []byte) []byte {
			for i := range q.Pieces {
				dst = wire.AppendMetadata(dst, id, wire.Metadata{Type: wire.MetadataRequest, Piece: i})
			}
			return dst
		})
	}
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
		l.metadataCame(r, m)
	case wire.MetadataReject:
		l.meta.Reject(r.id)
		l.askMetadata()
	}
	return nil
}

func (l *loop) serveMetadata(r *remote, piece int) {
	id := r.extID(wire.ExtMetadata)
	if id == 0 {
		return
	}
	var raw []byte
	if l.content != nil {
		raw = l.info().Raw
	}
	reply := l.meta.Serve(r.id, piece, raw)
	r.conn.Send(func(dst []byte) []byte { return wire.AppendMetadata(dst, id, reply) })
}

func (l *loop) metadataCame(r *remote, m wire.Metadata) {
	if l.meta.Fetching(r.id) {
		r.busy = l.now
	}
	raw, err := l.meta.Data(r.id, m, l.now)
	if err != nil {
		l.crowd.ban(r.id, err.Error(), l.now)
		l.askMetadata()
	}
	if raw == nil {
		return
	}
	info, err := metainfo.ParseInfo(raw)
	if err != nil {
		l.end(fmt.Errorf("metadata of %v: %w", l.t.naming.hashes[0], err))
		return
	}
	l.openStorage(&metainfo.MetaInfo{Info: info}, true)
}

// openStorage opens the storage off the loop.
func (l *loop) openStorage(m *metainfo.MetaInfo, fetched bool) {
	l.meta.Done()
	l.t.spawn(func() {
		s, err := l.t.spec.Storage(m)
		if err == nil && fetched && l.t.client.cfg.Sidecar != nil {
			l.t.client.cfg.Sidecar.Save(l.t.naming.hashes[0], m)
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
	l.find.tell(l.need())
}
