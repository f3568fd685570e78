package server

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func newTable(cfg Config) *table {
	s := New(cfg)
	return &s.table
}

// check finds what must hold after every call.
func (t *table) check() error {
	peers, inRing := 0, 0
	owned := make(map[group]int)
	for s := t.ring.next; s != &t.ring; s = s.next {
		inRing++
		if s.next.prev != s || t.swarms[s.key] != s {
			return fmt.Errorf("swarm %x is not linked as it should be", s.key.infoHash[:4])
		}
		if len(s.peers) == 0 || len(s.peers) > t.cfg.MaxPeers {
			return fmt.Errorf("swarm with %d peers", len(s.peers))
		}
		if c := cap(s.peers); c > 16 && len(s.peers) < c/8 {
			return fmt.Errorf("%d peers keep room for %d", len(s.peers), c)
		}
		seeds, seen := 0, make(map[endpoint]bool)
		for _, p := range s.peers {
			if p.seed {
				seeds++
			}
			if seen[p.at] || p.at.is4() == s.key.v6 {
				return fmt.Errorf("peer %v twice or in the wrong family", p.at)
			}
			seen[p.at] = true
		}
		if seeds != s.seeds {
			return fmt.Errorf("%d seeds counted as %d", seeds, s.seeds)
		}
		peers += len(s.peers)
		owned[s.owner]++
	}
	if inRing != len(t.swarms) || inRing > t.cfg.MaxSwarms || peers != t.peers || peers > t.cfg.MaxTotal {
		return fmt.Errorf("%d swarms of %d in the ring, %d peers counted as %d", inRing, len(t.swarms), peers, t.peers)
	}
	if len(owned) != len(t.owned) {
		return fmt.Errorf("%d owners, %d noted", len(owned), len(t.owned))
	}
	greedy := 0
	for g, n := range owned {
		if t.overPart(n) {
			greedy++
		}
		if t.owned[g] != n {
			return fmt.Errorf("owner of %d swarms has %d noted", n, t.owned[g])
		}
	}
	if greedy != t.greedy {
		return fmt.Errorf("%d greedy owners counted as %d", greedy, t.greedy)
	}
	return nil
}

// TestTableRandom does at random what peers may do and checks after each step,
// with bounds so small that all of them are met.
func TestTableRandom(t *testing.T) {
	for _, cfg := range []Config{
		{MaxSwarms: 5, MaxPeers: 8, MaxTotal: 20, Interval: 30 * time.Second},
		{MaxSwarms: 1, MaxPeers: 1, MaxTotal: 1},
		{MaxSwarms: 3, MaxPeers: 50, MaxTotal: 60},
		{MaxSwarms: 200, MaxPeers: 10, MaxTotal: 500},
	} {
		rng := rand.New(rand.NewPCG(3, 4))
		tb := newTable(cfg)
		var now uint32
		for step := range 5000 {
			now += uint32(rng.IntN(3))
			a := randomAnnounce(rng, 2*cfg.MaxSwarms)
			sw := tb.announce(a, now)
			if err := tb.check(); err != nil {
				t.Fatalf("%+v, step %d: %v", cfg, step, err)
			}
			if a.stopped && sw != nil && sw.find(a.self) >= 0 || !a.stopped && (sw == nil || sw.find(a.self) < 0) {
				t.Fatalf("%+v, step %d: stopped is %v, but the peer is otherwise", cfg, step, a.stopped)
			}
			if rng.IntN(50) == 0 {
				tb.expire(now)
			}
			if rng.IntN(1000) == 0 {
				now += 1000
				tb.expire(now)
				if len(tb.swarms) != 0 || tb.peers != 0 || len(tb.owned) != 0 {
					t.Fatalf("%d swarms and %d peers do not expire", len(tb.swarms), tb.peers)
				}
			}
		}
	}
}

func (s *swarm) find(e endpoint) int {
	for i, p := range s.peers {
		if p.at == e {
			return i
		}
	}
	return -1
}

func randomAnnounce(rng *rand.Rand, hashes int) announced {
	a := announced{
		key:     swarmKey{[20]byte{byte(rng.IntN(hashes)), byte(rng.IntN(2))}, rng.IntN(3) == 0},
		seed:    rng.IntN(2) == 0,
		stopped: rng.IntN(4) == 0, completed: rng.IntN(9) == 0,
	}
	addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(4))})
	if a.key.v6 {
		addr = netip.AddrFrom16([16]byte{0: 0x20, 7: byte(rng.IntN(3)), 15: byte(rng.IntN(9))})
	}
	a.self = endpointOf(addr, uint16(1+rng.IntN(40)))
	return a
}

func at(addr string) endpoint {
	ap := netip.MustParseAddrPort(addr)
	return endpointOf(ap.Addr(), ap.Port())
}

func TestTableFigures(t *testing.T) {
	tb := newTable(Config{Interval: 30 * time.Second})
	key := swarmKey{infoHash: [20]byte{1}}
	steps := []struct {
		now                      uint32
		self                     string
		seed, stopped, completed bool
		seeds, leechers          int
	}{
		{0, "10.0.0.1:1", false, false, false, 0, 1},
		{1, "10.0.0.2:1", true, false, false, 1, 1},
		{2, "10.0.0.1:1", true, false, true, 2, 0},   // completes
		{3, "10.0.0.2:1", false, false, false, 1, 1}, // lost its files
		{4, "10.0.0.2:2", false, false, false, 1, 2}, // another port is another peer
		{5, "10.0.0.9:1", false, true, false, 1, 2},  // never was here
		{6, "10.0.0.2:2", false, true, false, 1, 1},
		{63, "10.0.0.3:1", false, false, false, 0, 2}, // 10.0.0.1 has expired, 10.0.0.2 just not
		{64, "10.0.0.3:1", false, false, false, 0, 1},
	}
	for _, s := range steps {
		sw := tb.announce(announced{key, at(s.self), s.seed, s.stopped, s.completed, false}, s.now)
		if sw.seeds != s.seeds || len(sw.peers)-sw.seeds != s.leechers {
			t.Errorf("at %d: %d seeds, %d leechers, want %d, %d", s.now, sw.seeds, len(sw.peers)-sw.seeds, s.seeds, s.leechers)
		}
	}
	if got := tb.scrape(key); got.Seeders != 0 || got.Leechers != 1 || got.Completed != 1 {
		t.Errorf("scrape: %+v", got)
	}
	if got := tb.scrape(swarmKey{infoHash: key.infoHash, v6: true}); got.Leechers != 0 {
		t.Errorf("scrape of the other family: %+v", got)
	}
	if tb.announce(announced{key: swarmKey{infoHash: [20]byte{2}}, self: at("10.0.0.1:1"), stopped: true}, 64) != nil {
		t.Error("stopped made a swarm")
	}
	tb.expire(1000)
	if got := tb.scrape(key); got.Leechers != 0 {
		t.Errorf("scrape of expired peers: %+v", got)
	}
}

// TestOneHostCannotPushOut: a host that invents torrents and peers loses its own
// first; those of others stay.
func TestOneHostCannotPushOut(t *testing.T) {
	tb := newTable(Config{MaxSwarms: 1000, MaxPeers: 100})
	var honest []announced
	for i := range 200 {
		honest = append(honest, announced{key: swarmKey{infoHash: [20]byte{1, byte(i)}},
			self: at(fmt.Sprintf("10.0.%d.1:6881", i/10))})
		tb.announce(honest[i], 0)
	}
	evil := netip.MustParseAddr("10.6.6.6")
	for i := range uint32(20000) {
		a := announced{key: swarmKey{infoHash: [20]byte{2}}, self: endpointOf(evil, 1)}
		binary.BigEndian.PutUint32(a.key.infoHash[1:], i)
		tb.announce(a, 1)
		crowd := announced{key: honest[0].key, self: endpointOf(evil, uint16(i)|1)}
		tb.announce(crowd, 1)
	}
	for i, a := range honest {
		if sw := tb.swarms[a.key]; sw == nil || sw.find(a.self) < 0 {
			t.Fatalf("honest peer %d was pushed out", i)
		}
	}
	if n := len(tb.swarms[honest[0].key].peers); n != 1+100/fairPeers {
		t.Errorf("%d peers in the crowded swarm", n)
	}
	if err := tb.check(); err != nil {
		t.Error(err)
	}
}

// TestLeastRecentlyAnnounced: with all alike, what was announced longest ago goes.
func TestLeastRecentlyAnnounced(t *testing.T) {
	tb := newTable(Config{MaxSwarms: 100, MaxPeers: 400})
	key := func(i int) swarmKey { return swarmKey{infoHash: [20]byte{byte(i), byte(i >> 8)}} }
	for i := range 150 {
		tb.announce(announced{key: key(i), self: at("10.0.0.1:1")}, uint32(i))
		tb.announce(announced{key: key(0), self: at("10.0.0.2:1")}, uint32(i))
	}
	for i := range 150 {
		if got, want := tb.swarms[key(i)] != nil, i == 0 || i > 50; got != want {
			t.Errorf("swarm %d is there: %v, want %v", i, got, want)
		}
	}
	for i := range 500 {
		tb.announce(announced{key: key(0), self: endpointOf(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1)}, 200+uint32(i)/10)
	}
	sw := tb.swarms[key(0)]
	if len(sw.peers) != 400 {
		t.Errorf("%d peers", len(sw.peers))
	}
	for _, p := range sw.peers {
		if p.seen < 210 {
			t.Errorf("a peer seen at %d stayed", p.seen)
		}
	}
}
