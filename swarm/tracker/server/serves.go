package server

// Verdict says whether a torrent is served.
type Verdict int

// The verdicts.
const (
	Unknown Verdict = iota // it will be known: whoever asks gets no answer, and asks again
	Served
	Refused
)

// verdict asks Config.Serves about a torrent. What a process on our own machine
// announces is served, too: another program of its user may have no other
// tracker, for there is one on a port.
func (s *Server) verdict(infoHash [20]byte, r route, now uint32) Verdict {
	if s.cfg.Serves == nil || r.ownMachine() {
		return Served
	}
	v := s.cfg.Serves(infoHash)
	if v != Served {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.table.introduced(infoHash, now) {
			return Served
		}
	}
	return v
}

// ownMachine reports whether a packet came from the address at which it
// arrived. That it was not forged its connection id has shown.
func (r route) ownMachine() bool { return r.to.IsValid() && r.from.Addr() == r.to }

// introduced reports whether a peer on our own machine has announced a torrent,
// in either family, within the lifetime of a peer.
func (t *table) introduced(infoHash [20]byte, now uint32) bool {
	for _, v6 := range []bool{false, true} {
		if s := t.swarms[swarmKey{infoHash, v6}]; s != nil && s.introduced && now-s.introducedAt <= t.lifetime {
			return true
		}
	}
	return false
}
