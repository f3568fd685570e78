package trackertest

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// answer makes the packets of an answer and enters what an announce says, unless
// that is dropped or refused. The caller holds t.mu.
func (t *Tracker) answer(r Request, reply Reply) [][]byte {
	switch {
	case reply.Drop:
		return nil
	case reply.Raw != nil:
		return reply.Raw
	case reply.Error != "":
		return [][]byte{packet.AppendError(nil, r.Transaction, reply.Error)}
	}
	switch r.Action {
	case packet.Connect:
		return [][]byte{packet.AppendConnectReply(nil, r.Transaction, ConnID)}
	case packet.Announce:
		return [][]byte{t.announce(r, reply)}
	case packet.Scrape:
		return [][]byte{t.scrape(r)}
	}
	return nil
}

func (t *Tracker) announce(r Request, reply Reply) []byte {
	a := r.Announce
	self := known{netip.AddrPortFrom(r.From.Addr(), a.Port), a.Left == 0}
	t.enter(a.InfoHash, self, a.Event == packet.Stopped)
	interval := reply.Interval
	if interval == 0 {
		interval = 30 * time.Minute
	}
	out := packet.AnnounceReply{Transaction: r.Transaction, Interval: int32(interval / time.Second)}
	peers := reply.Peers
	for _, k := range t.peers[a.InfoHash] {
		if k.at.Addr().Is4() != r.From.Addr().Is4() {
			continue
		}
		if k.seed {
			out.Seeders++
		} else {
			out.Leechers++
		}
		if reply.Peers == nil {
			peers = append(peers, k.at)
		}
	}
	for _, p := range peers {
		if p.Addr().Is4() == r.From.Addr().Is4() {
			out.Compact = AppendPeer(out.Compact, p)
		}
	}
	return packet.AppendAnnounceReply(nil, out)
}

// enter notes or removes a peer. The caller holds t.mu.
func (t *Tracker) enter(infoHash [20]byte, k known, stopped bool) {
	peers := slices.DeleteFunc(t.peers[infoHash], func(o known) bool { return o.at == k.at })
	if !stopped {
		peers = append(peers, k)
	}
	t.peers[infoHash] = peers
}

func (t *Tracker) scrape(r Request) []byte {
	out := packet.AppendReply(nil, packet.Reply{Action: packet.Scrape, Transaction: r.Transaction})
	for _, h := range r.Hashes {
		var s packet.Scraped
		for _, k := range t.peers[h] {
			switch {
			case k.at.Addr().Is4() != r.From.Addr().Is4():
			case k.seed:
				s.Seeders++
			default:
				s.Leechers++
			}
		}
		out = packet.AppendScraped(out, s)
	}
	return out
}

// AppendPeer appends a peer: 6 bytes for an IPv4 address, 18 for an IPv6 one.
func AppendPeer(dst []byte, peer netip.AddrPort) []byte {
	dst = append(dst, peer.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(dst, peer.Port())
}
