package server

import (
	"slices"

	"p2pfs/swarm/tracker/packet"
)

// A swarmKey names a swarm: each address family has its own.
type swarmKey struct {
	infoHash [20]byte
	v6       bool
}

// A swarm is the peers of one torrent in one family. It is never empty while it
// is in the table.
type swarm struct {
	key       swarmKey
	owner     group // of the peer that announced it first
	peers     []peer
	seeds     int   // of peers
	completed int32 // downloads that were told to us
	// introduced is for what a peer on our own machine announced, at introducedAt
	// the last time.
	introduced   bool
	introducedAt uint32
	prev, next   *swarm
}

// A table holds all swarms, in a map and in a ring by the time of their last
// announce. It is not safe for concurrent use and knows no clock.
type table struct {
	swarms   map[swarmKey]*swarm
	ring     swarm         // ring.next was announced last, ring.prev longest ago
	owned    map[group]int // swarms of each owner
	greedy   int           // owners with more than their part
	peers    int           // of all swarms
	cfg      Config
	lifetime uint32 // of a peer, in seconds
}

const (
	// fairPeers and fairSwarms are one group's fair part of a swarm and of the
	// table. Who has more gives way first when there is no more room, so that a
	// single host cannot push the others out by inventing peers or torrents.
	fairPeers  = 4
	fairSwarms = 64
	// maxSpared is how many swarms may be spared in a search for one to drop.
	maxSpared = 256
)

func (t *table) init(cfg Config) {
	t.swarms = make(map[swarmKey]*swarm)
	t.owned = make(map[group]int)
	t.ring.prev, t.ring.next = &t.ring, &t.ring
	t.cfg = cfg
	t.lifetime = uint32(2 * cfg.Interval.Seconds())
}

// announced is what the table needs of an announce.
type announced struct {
	key                      swarmKey
	self                     endpoint
	seed, stopped, completed bool
	local                    bool // from our own machine
}

// announce enters an announce and returns its swarm, nil if that has no peer.
func (t *table) announce(a announced, now uint32) *swarm {
	s := t.swarms[a.key]
	if s == nil {
		if a.stopped {
			return nil
		}
		s = t.add(a.key, a.self.group())
	}
	if a.local {
		s.introduced, s.introducedAt = true, now
	}
	at := t.tidy(s, a.self, now)
	switch {
	case a.stopped && at >= 0:
		t.remove(s, at)
	case a.stopped:
	case at >= 0:
		t.refresh(s, at, a, now)
	default:
		t.insert(s, a, now)
	}
	if len(s.peers) == 0 {
		t.drop(s)
		return nil
	}
	t.touch(s)
	return s
}

// add makes a swarm, in place of another if there are too many.
func (t *table) add(key swarmKey, owner group) *swarm {
	if len(t.swarms) >= t.cfg.MaxSwarms {
		t.drop(t.victim())
	}
	s := &swarm{key: key, owner: owner}
	t.swarms[key] = s
	t.own(owner, 1)
	s.prev, s.next = s, s
	return s
}

// victim returns the swarm to give up: the one announced longest ago; but while
// there are owners with more than their part, one of theirs if possible.
func (t *table) victim() *swarm {
	for range maxSpared {
		s := t.ring.prev
		if t.greedy == 0 || t.overPart(t.owned[s.owner]) {
			return s
		}
		t.touch(s)
	}
	return t.ring.prev
}

// touch makes s the last announced.
func (t *table) touch(s *swarm) {
	s.prev.next, s.next.prev = s.next, s.prev
	s.prev, s.next = &t.ring, t.ring.next
	s.prev.next, s.next.prev = s, s
}

// drop forgets a swarm and all its peers.
func (t *table) drop(s *swarm) {
	s.prev.next, s.next.prev = s.next, s.prev
	t.peers -= len(s.peers)
	delete(t.swarms, s.key)
	t.own(s.owner, -1)
}

// own counts the swarms of an owner, one more or one less.
func (t *table) own(g group, d int) {
	n := t.owned[g]
	t.owned[g] = n + d
	if n+d == 0 {
		delete(t.owned, g)
	}
	if t.overPart(n+d) != t.overPart(n) {
		t.greedy += d
	}
}

// overPart reports whether n swarms are more than one owner's part.
func (t *table) overPart(n int) bool { return n > t.cfg.MaxSwarms/fairSwarms }

// tidy removes the expired peers of s and returns where self is, or -1.
func (t *table) tidy(s *swarm, self endpoint, now uint32) int {
	at := -1
	for i := 0; i < len(s.peers); i++ {
		if s.peers[i].at == self {
			at = i
			continue
		}
		if now-s.peers[i].seen > t.lifetime {
			t.remove(s, i)
			i--
		}
	}
	return at
}

// remove takes peer i out; the last one comes to its place.
func (t *table) remove(s *swarm, i int) {
	if s.peers[i].seed {
		s.seeds--
	}
	last := len(s.peers) - 1
	s.peers[i] = s.peers[last]
	s.peers = s.peers[:last]
	if cap(s.peers) > 8 && last < cap(s.peers)/4 {
		s.peers = slices.Clone(s.peers) // else a swarm that shrank keeps its memory
	}
	t.peers--
}

func (t *table) refresh(s *swarm, i int, a announced, now uint32) {
	p := &s.peers[i]
	if p.seed != a.seed {
		if a.seed {
			s.seeds++
		} else {
			s.seeds--
		}
		p.seed = a.seed
	}
	p.seen = now
	if a.completed {
		s.completed++
	}
}

// insert adds a peer, in place of another if there are too many.
func (t *table) insert(s *swarm, a announced, now uint32) {
	if i := t.crowded(s, a.self); i >= 0 {
		t.remove(s, i)
	}
	if t.peers >= t.cfg.MaxTotal {
		v := t.victim()
		if v == s {
			t.touch(s)
			v = t.ring.prev
		}
		if v != s {
			t.drop(v)
		}
	}
	s.peers = append(s.peers, peer{a.self, a.seed, now})
	t.peers++
	if a.seed {
		s.seeds++
	}
	if a.completed {
		s.completed++
	}
}

// crowded returns the peer of s that must go before one more can come, -1 for
// none: of the newcomer's own group, if that has its part, else of all, the one
// that was seen longest ago.
func (t *table) crowded(s *swarm, self endpoint) int {
	part := max(t.cfg.MaxPeers/fairPeers, 1)
	if len(s.peers) < part {
		return -1
	}
	g, mine, oldest, oldestMine := self.group(), 0, 0, -1
	for i := range s.peers {
		p := &s.peers[i]
		if p.seen < s.peers[oldest].seen {
			oldest = i
		}
		if p.at.group() != g {
			continue
		}
		mine++
		if oldestMine < 0 || p.seen < s.peers[oldestMine].seen {
			oldestMine = i
		}
	}
	switch {
	case mine >= part && !self.loopback():
		return oldestMine
	case len(s.peers) >= t.cfg.MaxPeers:
		return oldest
	}
	return -1
}

// scrape returns the figures of a swarm, which cost nothing: peers that have
// expired count until the next announce or sweep.
func (t *table) scrape(key swarmKey) packet.Scraped {
	s := t.swarms[key]
	if s == nil {
		return packet.Scraped{}
	}
	return packet.Scraped{Seeders: int32(s.seeds), Completed: s.completed, Leechers: int32(len(s.peers) - s.seeds)}
}

// expire removes all expired peers, and the swarms that have no other.
func (t *table) expire(now uint32) {
	for _, s := range t.swarms {
		t.tidy(s, endpoint{}, now)
		if len(s.peers) == 0 {
			t.drop(s)
		}
	}
}
