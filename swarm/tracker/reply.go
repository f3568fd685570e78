package tracker

import (
	"fmt"
	"net/netip"
	"time"

	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/tracker/packet"
)

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// expect returns an error unless p is a reply of the wanted kind.
func expect(p []byte, want packet.Action) error {
	if err := refusal(p); err != nil {
		return err
	}
	head, err := packet.ParseReply(p)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReply, err)
	}
	if head.Action != want {
		return fmt.Errorf("%w: %v for %v", ErrReply, head.Action, want)
	}
	return nil
}

// connReply reads a connect reply.
func connReply(p []byte) (uint64, error) {
	if err := expect(p, packet.Connect); err != nil {
		return 0, err
	}
	id, err := packet.ParseConnectReply(p)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrReply, err)
	}
	return id, nil
}

// announceReply reads an announce reply that from sent.
func announceReply(p []byte, from netip.Addr) (Response, error) {
	if err := expect(p, packet.Announce); err != nil {
		return Response{}, err
	}
	v6 := from.Is6()
	r, err := packet.ParseAnnounceReply(p, v6)
	if err == packet.ErrNotServed {
		return Response{}, err
	}
	if err != nil {
		return Response{}, fmt.Errorf("%w: %w", ErrReply, err)
	}
	out := Response{
		Interval: clamp(int64(r.Interval)),
		Seeders:  max(int(r.Seeders), 0),
		Leechers: max(int(r.Leechers), 0),
	}
	peers := peerList{from: from}
	for peer := range packet.Peers(r.Compact, v6) {
		peers.add(peer)
	}
	out.Peers = peers.all
	return out, nil
}

// A peerList takes from what a tracker sent the peers that can be dialled, each
// once and no more than MaxPeers.
type peerList struct {
	from netip.Addr // the tracker
	all  []netip.AddrPort
	seen map[netip.AddrPort]bool
}

func (l *peerList) add(peer netip.AddrPort) {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if len(l.all) == MaxPeers || l.seen[peer] || !dialable(peer, l.from) {
		return
	}
	if l.seen == nil {
		l.seen = make(map[netip.AddrPort]bool)
	}
	l.seen[peer] = true
	l.all = append(l.all, peer)
}

// clamp makes an interval of the seconds that a tracker asks for.
func clamp(seconds int64) time.Duration {
	seconds = min(max(seconds, int64(MinInterval/time.Second)), int64(MaxInterval/time.Second))
	return time.Duration(seconds) * time.Second
}

// dialable reports whether a peer's address is one that can be dialled on the
// word of a tracker: it may not have us dial our own services, nor our network's
// unless it is on one itself.
func dialable(peer netip.AddrPort, from netip.Addr) bool {
	a := peer.Addr()
	return !a.IsLinkLocalUnicast() && !(a.Is4() && a.As4()[0] == 0) && netgroup.MayTell(from, peer)
}

// merge puts the answers of two address families together.
func (r Response) merge(o Response) Response {
	if o.Warning != "" {
		r.Warning = o.Warning
	}
	return Response{
		Interval:    max(r.Interval, o.Interval),
		MinInterval: max(r.MinInterval, o.MinInterval),
		Seeders:     max(r.Seeders, o.Seeders),
		Leechers:    max(r.Leechers, o.Leechers),
		Peers:       append(r.Peers, o.Peers...),
		Warning:     r.Warning,
	}
}

// scrapeReply reads a reply about n torrents.
func scrapeReply(p []byte, n int) ([]Scraped, error) {
	if err := expect(p, packet.Scrape); err != nil {
		return nil, err
	}
	all, err := packet.ParseScrapeReply(p, n)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReply, err)
	}
	out := make([]Scraped, n)
	for i, s := range all {
		out[i] = Scraped{max(int(s.Seeders), 0), max(int(s.Completed), 0), max(int(s.Leechers), 0)}
	}
	return out, nil
}
