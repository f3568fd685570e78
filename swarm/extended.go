package swarm

import (
	"net/netip"

	"p2pfs/swarm/book"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/upload"
	"p2pfs/swarm/wire"
)

// clientName is how we call ourselves in extended handshakes (BEP 10).
const clientName = "p2pfs 0.1"

// greet tells a peer what we can do (BEP 10).
func (f *fetching) greet(r *remote) {
	r.toldUploadOnly = f.uploadOnly(r)
	h := &wire.ExtendedHandshake{
		M:          map[string]int{wire.ExtMetadata: extMetadata, wire.ExtDontHave: extDontHave, wire.ExtUploadOnly: extUploadOnly},
		V:          clientName,
		Reqq:       upload.MaxRequests,
		Port:       int(f.t.client.Addr().Port()),
		YourIP:     r.addr.Addr(),
		UploadOnly: r.toldUploadOnly,
	}
	if f.picker != nil {
		h.MetadataSize = len(f.info.Raw)
	}
	switch {
	case f.crowd.exchanges():
		h.M[pex.Extension] = extPEX
	case f.t.naming.private(): // what we may have said before we knew
		h.M[pex.Extension] = 0
	}
	r.conn.Send(func(dst []byte) []byte { return wire.AppendExtendedHandshake(dst, h) })
}

// uploadOnly reports whether a peer is to know us for one that wants nothing
// (BEP 21): we have all, or have a part and nobody here reads more. Whom we
// dialled is not told the latter: we came for something, and a seed would leave
// us between two reads.
func (f *fetching) uploadOnly(r *remote) bool {
	if f.picker == nil {
		return false
	}
	return f.picker.Pieces.Held() == f.picker.Pieces.Count() || !r.dialed && f.picker.Pieces.Held() > 0 && !f.hungry()
}

// tellDownload takes back that we want nothing: a reader came, or a piece was
// evicted and is read again. A peer that went on believing it would never
// unchoke us.
func (f *fetching) tellDownload(r *remote) {
	if !r.toldUploadOnly {
		return
	}
	if id := r.extID(wire.ExtUploadOnly); id != 0 {
		r.toldUploadOnly = false
		r.conn.Send(func(dst []byte) []byte { return wire.AppendUploadOnly(dst, id, false) })
		return
	}
	f.greet(r) // BEP 10 lets it change
}

// onExtended dispatches an extended message. What is malformed inside of one
// closes the peer; what is unknown is skipped.
func (l *loop) onExtended(r *remote, p []byte) error {
	id, body, err := wire.ParseExtended(p)
	if err != nil {
		return err
	}
	switch id {
	case 0:
		return l.onExtendedHandshake(r, body)
	case extMetadata:
		return l.onMetadata(r, body)
	case extDontHave:
		piece, err := wire.ParseDontHave(body)
		if err == nil {
			err = l.haves.Lost(r.has, piece)
		}
		return l.fetch.heard(r, err)
	case extPEX:
		news, err := l.crowd.told(r, body, l.now)
		if news {
			l.find.dial(l.need())
		}
		return err
	case extUploadOnly:
		only, err := wire.ParseUploadOnly(body)
		if err == nil {
			r.up.UploadOnly = only
		}
		return err
	}
	return nil
}

func (l *loop) onExtendedHandshake(r *remote, body []byte) error {
	h, err := wire.ParseExtendedHandshake(body)
	if err != nil {
		return err
	}
	if r.dialed && r.ext.M == nil && h.YourIP.IsValid() { // the first one
		l.find.book.Ours.Seen(netip.AddrPortFrom(h.YourIP, l.t.client.Addr().Port()))
	}
	for name, id := range r.ext.M { // a later one holds only what changes
		if _, ok := h.M[name]; !ok {
			h.M[name] = id
		}
	}
	r.ext = *h
	r.up.UploadOnly = h.UploadOnly
	listen := netip.AddrPortFrom(r.addr.Addr(), uint16(h.Port))
	if !r.dialed && netgroup.MayTell(r.addr.Addr(), listen) {
		r.listen = listen
		l.find.book.Listens(listen, book.Owner{})
	}
	l.meta.offered(r, l.now)
	return nil
}

// extID is the id the peer gave an extension, 0: it does not know it.
func (r *remote) extID(name string) byte { return byte(r.ext.M[name]) }
