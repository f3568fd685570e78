package swarm

import (
	"fmt"
	"time"

	"p2pfs/swarm/metadata"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// learning gets the metadata of a torrent, from peers where need be, and gives it to
// others (BEP 9). Owned by the loop.
type learning struct {
	exchange *metadata.Exchange
	crowd    *crowd
	t        *Torrent
}

// ask asks peers for the metadata that are due to be asked.
func (n *learning) ask(now time.Time) {
	for _, q := range n.exchange.Ask(now) {
		r := n.crowd.of[q.Peer]
		id := r.extID(wire.ExtMetadata)
		r.conn.Send(func(dst []byte) []byte {
			for i := range q.Pieces {
				dst = wire.AppendMetadata(dst, id, wire.Metadata{Type: wire.MetadataRequest, Piece: i})
			}
			return dst
		})
	}
}

// offered takes in how much metadata a peer has, and whether it can be asked for it.
func (n *learning) offered(r *remote, now time.Time) {
	size := 0
	if r.extID(wire.ExtMetadata) != 0 {
		size = r.ext.MetadataSize
	}
	n.exchange.Offer(r.id, size)
	n.ask(now)
}

// left takes in that a peer is gone.
func (n *learning) left(r *remote, now time.Time) {
	n.exchange.Leave(r.id)
	n.ask(now)
}

// message takes in what a peer asks or tells; ours is our info dictionary, nil if we
// have none. It returns the dictionary when it is whole. An error closes the peer.
func (n *learning) message(r *remote, body, ours []byte, now time.Time) (raw []byte, err error) {
	m, err := wire.ParseMetadata(body)
	if err != nil {
		return nil, err
	}
	switch m.Type {
	case wire.MetadataRequest:
		if id := r.extID(wire.ExtMetadata); id != 0 {
			reply := n.exchange.Serve(r.id, m.Piece, ours)
			r.conn.Send(func(dst []byte) []byte { return wire.AppendMetadata(dst, id, reply) })
		}
	case wire.MetadataData:
		if n.exchange.Fetching(r.id) {
			r.busy = now
		}
		if raw, err = n.exchange.Data(r.id, m, now); err != nil {
			n.crowd.ban(r.id, err.Error(), now)
			n.ask(now)
		}
	case wire.MetadataReject:
		n.exchange.Reject(r.id)
		n.ask(now)
	}
	return raw, nil
}

// open opens the storage off the loop; fetched metadata is kept for another run.
func (n *learning) open(m *metainfo.MetaInfo, fetched bool) {
	n.exchange.Done()
	t := n.t
	t.spawn(func() {
		s, err := t.spec.Storage(m)
		if sc := t.client.cfg.Sidecar; err == nil && fetched && sc != nil {
			sc.Save(t.naming.hashes[0], m)
		}
		e := openedEvent{m, s, err}
		if !t.post(e) {
			e.discard(t)
		}
	})
}

func (l *loop) onMetadata(r *remote, body []byte) error {
	var ours []byte
	if l.content != nil {
		ours = l.info().Raw
	}
	raw, err := l.meta.message(r, body, ours, l.now)
	if raw == nil {
		return err
	}
	info, err := metainfo.ParseInfo(raw)
	if err != nil {
		l.end(fmt.Errorf("metadata of %v: %w", l.t.naming.hashes[0], err))
		return nil
	}
	l.meta.open(&metainfo.MetaInfo{Info: info}, true)
	return nil
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
