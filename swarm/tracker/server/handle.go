package server

import (
	"p2pfs/swarm/tracker/packet"
)

// A handler turns requests into replies. It belongs to one goroutine and reuses
// its memory: a reply is good until the next call.
type handler struct {
	s    *Server
	sign *signer
	out  []byte
	pick picker
}

func (s *Server) newHandler() *handler {
	return &handler{s: s, sign: s.ids.signer(), out: make([]byte, 0, maxReply)}
}

// handle returns the reply to a packet, nil for none.
func (h *handler) handle(p []byte, r route) []byte {
	reply := h.answer(p, r)
	if reply == nil {
		h.s.dropped.Add(1)
	}
	return reply
}

func (h *handler) answer(p []byte, r route) []byte {
	req, err := packet.ParseRequest(p)
	if err != nil || req.Action == packet.Error || r.own() || r.from.Port() == 0 {
		return nil
	}
	now := h.s.now()
	if req.Action == packet.Connect {
		h.s.connects.Add(1)
		return packet.AppendConnectReply(h.out[:0], req.Transaction, h.sign.issue(r.from.Addr(), now))
	}
	if !h.sign.good(req.Conn, r.from.Addr(), now) {
		return nil
	}
	switch req.Action {
	case packet.Announce:
		return h.announce(p, req.Transaction, r, now)
	case packet.Scrape:
		return h.scrape(p, req.Transaction, r, now)
	}
	return h.refuse(req.Transaction, "unknown action")
}

// own reports whether a packet bears our own address: somebody wants us to talk
// to ourselves for ever.
func (r route) own() bool {
	if r.from.Port() != r.port {
		return false
	}
	return r.from.Addr() == r.to || !r.to.IsValid() && r.from.Addr().IsLoopback()
}

func (h *handler) refuse(transaction uint32, why string) []byte {
	h.s.refusals.Add(1)
	return packet.AppendError(h.out[:0], transaction, why)
}

func (h *handler) announce(p []byte, transaction uint32, r route, now uint32) []byte {
	req, err := packet.ParseAnnounce(p)
	if err != nil {
		return h.refuse(transaction, "announce is too short")
	}
	if req.Port == 0 {
		return h.refuse(transaction, "port 0 cannot be dialled")
	}
	switch h.s.verdict(req.InfoHash, r, now) {
	case Refused:
		return h.refuse(transaction, "torrent is not served here")
	case Unknown:
		return nil
	}
	h.s.announces.Add(1)
	v6 := r.from.Addr().Is6()
	a := announced{
		key:  swarmKey{req.InfoHash, v6},
		self: endpointOf(r.from.Addr(), req.Port),
		seed: req.Left == 0, stopped: req.Event == packet.Stopped,
		completed: req.Event == packet.Completed, local: r.ownMachine(),
	}
	want := wanted(req.NumWant, v6)
	if a.stopped {
		want = 0
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	sw := h.s.table.announce(a, now)
	reply := packet.AnnounceReply{Transaction: transaction, Interval: int32(h.s.cfg.Interval.Seconds())}
	if sw == nil {
		return packet.AppendAnnounceReply(h.out[:0], reply)
	}
	reply.Leechers, reply.Seeders = int32(len(sw.peers)-sw.seeds), int32(sw.seeds)
	out := packet.AppendAnnounceReply(h.out[:0], reply)
	for _, i := range h.pick.pick(sw.peers, a, want) {
		out = appendPeer(out, sw.peers[i].at, r)
	}
	return out
}

// wanted is how many peers go into an answer.
func wanted(asked int32, v6 bool) int {
	most := (maxReply - packet.AnnounceReplyLen) / packet.PeerLen(v6)
	if asked < 0 {
		return min(defaultWant, most)
	}
	return min(int(asked), most)
}

func (h *handler) scrape(p []byte, transaction uint32, r route, now uint32) []byte {
	h.s.scrapes.Add(1)
	out := packet.AppendReply(h.out[:0], packet.Reply{Action: packet.Scrape, Transaction: transaction})
	for i := range packet.ScrapeHashes(p) {
		infoHash := packet.ScrapeHash(p, i)
		var found packet.Scraped
		if h.s.verdict(infoHash, r, now) == Served {
			h.s.mu.Lock()
			found = h.s.table.scrape(swarmKey{infoHash, r.from.Addr().Is6()})
			h.s.mu.Unlock()
		}
		out = packet.AppendScraped(out, found)
	}
	return out
}
