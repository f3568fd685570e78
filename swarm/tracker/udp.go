package tracker

import (
	"context"
	"net/netip"

	"p2pfs/swarm/tracker/packet"
)

// announceUDP announces at each address family (BEP 15).
func (c *Client) announceUDP(ctx context.Context, k *call, t target, req Request) ([]Response, error) {
	wire := announceRequest(req)
	q := query{
		target: t, call: k,
		admit: func(ctx context.Context, addr netip.AddrPort) error {
			return c.admit(ctx, limited{addr, req.InfoHash}, req.Event == Stopped)
		},
		build: func(dst []byte, conn uint64, transaction uint32) []byte {
			r := wire // each family has its own ids
			r.Conn, r.Transaction = conn, transaction
			return packet.AppendAnnounce(dst, &r, t.data)
		},
	}
	return gatherUDP(ctx, c, q, func(a answer) (Response, error) {
		return announceReply(a.reply, a.from.Addr())
	})
}

// announceRequest is the request as it goes out, without the ids.
func announceRequest(req Request) packet.AnnounceRequest {
	return packet.AnnounceRequest{
		InfoHash: req.InfoHash, PeerID: req.PeerID,
		Downloaded: uint64(max(req.Downloaded, 0)),
		Left:       uint64(max(req.Left, 0)),
		Uploaded:   uint64(max(req.Uploaded, 0)),
		Event:      packet.Event(req.Event),
		Key:        req.Key, NumWant: int32(req.numWant()), Port: req.Port,
	}
}

// numWant is how many peers to ask for, -1 to leave it to the tracker.
func (req Request) numWant() int {
	switch {
	case req.NumWant < 0 || req.Event == Stopped:
		return 0
	case req.NumWant > 0:
		return min(req.NumWant, 1<<15)
	}
	return -1
}

// scrapeUDP asks about as many torrents as fit one packet.
func (c *Client) scrapeUDP(ctx context.Context, k *call, t target, hashes [][20]byte) ([][]Scraped, error) {
	q := query{target: t, call: k, build: func(dst []byte, conn uint64, transaction uint32) []byte {
		return packet.AppendScrape(dst, conn, transaction, hashes)
	}}
	return gatherUDP(ctx, c, q, func(a answer) ([]Scraped, error) {
		return scrapeReply(a.reply, len(hashes))
	})
}
