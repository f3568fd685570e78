package choker

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"
)

// meter averages a rate over RateWindow, in rounds.
type meter [RateWindow / Interval]float64

func (m *meter) add(bytes float64) {
	copy(m[1:], m[:])
	m[0] = bytes
}

func (m *meter) rate() float64 {
	sum := 0.0
	for _, b := range m {
		sum += b
	}
	return sum / RateWindow.Seconds()
}

// TestSeedingIsFair lets a seeder with 8 slots serve 100 leechers for an hour:
// each has his turns, none waits long, and bytes are spread evenly but for
// what slow leechers cannot take.
func TestSeedingIsFair(t *testing.T) {
	const leechers, link = 100, 4 << 20 // bytes/s
	c := newChoker(fixed(8), 1)
	peers := make([]Peer, leechers)
	speed := make([]float64, leechers) // bytes/s it can take
	got := make([]float64, leechers)
	turns := make([]int, leechers)
	var waited time.Duration
	for i := range peers {
		peers[i] = Peer{ID: i, Interested: true, Choked: true, ConnectedAt: start.Add(-time.Duration(i) * time.Second)}
		speed[i] = []float64{100 << 10, 300 << 10, 1 << 20, 8 << 20}[i%4]
	}
	for r := range 360 {
		now := start.Add(time.Duration(r) * Interval)
		before := slices.Clone(peers)
		unchoked := c.Round(now, peers, true)
		apply(now, peers, unchoked)
		if len(unchoked) != 8 {
			t.Fatalf("round %d: %d unchoked, want 8", r, len(unchoked))
		}
		for _, id := range unchoked {
			p := &peers[id]
			if before[id].Choked {
				turns[id]++
				waited = max(waited, now.Sub(before[id].served()))
			}
			bytes := min(speed[id], link/8) * Interval.Seconds()
			got[id] += bytes
			p.SentSinceUnchoke += int64(bytes)
			p.Up = bytes / Interval.Seconds()
		}
	}
	if waited > 25*time.Minute {
		t.Errorf("one waited %v for a turn", waited)
	}
	for i := range peers {
		if turns[i] < 3 || turns[i] > 8 {
			t.Errorf("leecher %d had %d turns in an hour", i, turns[i])
		}
	}
	if lo, hi := slices.Min(got), slices.Max(got); hi > 4*lo {
		t.Errorf("%.1f to %.1f MiB a leecher: more than four to one", lo/(1<<20), hi/(1<<20))
	}
}

// TestComingAnewIsNoWayPast lets one of 40 leechers reconnect each round: it
// must not be served before those who wait.
func TestComingAnewIsNoWayPast(t *testing.T) {
	c := newChoker(fixed(4), 1)
	peers := swarm(start, "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii", "", "")
	served := 0
	for r := range 36 {
		now := start.Add(time.Duration(r) * Interval)
		peers[0] = Peer{ID: 100, Interested: true, Choked: true, ConnectedAt: now}
		apply(now, peers, c.Round(now, peers, true))
		if !peers[0].Choked {
			served++
		}
		for i := range peers {
			if !peers[i].Choked {
				peers[i].SentSinceUnchoke += 1 << 20
			}
		}
	}
	if served != 0 {
		t.Errorf("served %d times in 6 minutes while 39 waited", served)
	}
}

// node is a leecher of the tit-for-tat swarm.
type node struct {
	upload float64 // bytes/s it gives, shared among those it unchokes
	choker *Choker
	peers  []Peer
	from   []meter // what others gave, by node
	got    float64 // bytes in the time that counts
}

func newSwarm(uploads []float64) []*node {
	var nodes []*node
	for i, up := range uploads {
		n := &node{upload: up, choker: newChoker(fixed(4), int64(i)+1), from: make([]meter, len(uploads))}
		for j := range uploads {
			if j != i {
				n.peers = append(n.peers, Peer{ID: j, Interested: true, Choked: true, ConnectedAt: start})
			}
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// step plays one round of all nodes.
func step(nodes []*node, now time.Time) {
	for _, n := range nodes {
		for i := range n.peers {
			p := &n.peers[i]
			p.Down = n.from[p.ID].rate()
		}
		apply(now, n.peers, n.choker.Round(now, n.peers, false))
	}
	for i, n := range nodes {
		var to []int
		for _, p := range n.peers {
			if !p.Choked {
				to = append(to, p.ID)
			}
		}
		gave := make(map[int]float64)
		for _, id := range to {
			gave[id] = n.upload * Interval.Seconds() / float64(len(to))
		}
		for j := range n.peers {
			p := &n.peers[j]
			p.SentSinceUnchoke += int64(gave[p.ID])
			nodes[p.ID].from[i].add(gave[p.ID])
			nodes[p.ID].got += gave[p.ID]
		}
	}
}

// TestTitForTat lets 36 leechers trade for 15 minutes: those who give most
// must get most, and those who give nothing live on optimistic unchokes.
func TestTitForTat(t *testing.T) {
	classes := []float64{0, 50 << 10, 200 << 10} // bytes/s
	var uploads []float64
	for i := range 36 {
		uploads = append(uploads, classes[i%3])
	}
	nodes := newSwarm(uploads)
	for r := range 90 {
		if r == 30 { // what counts begins after five minutes
			for _, n := range nodes {
				n.got = 0
			}
		}
		step(nodes, start.Add(time.Duration(r)*Interval))
	}
	var mean [3]float64
	for i, n := range nodes {
		mean[i%3] += n.got / 12 / (60 * Interval.Seconds())
	}
	t.Logf("giving 0, 50, 200 KiB/s got %.0f, %.0f, %.0f KiB/s", mean[0]/1024, mean[1]/1024, mean[2]/1024)
	if mean[2] < 2.5*mean[1] || mean[1] < 1.2*mean[0] {
		t.Errorf("means %.0f: who gives more does not get more", mean)
	}
	if mean[0] > 0.35*mean[2] {
		t.Errorf("means %.0f: giving nothing pays", mean)
	}
}

// TestRandomSwarms holds what must be true of every round.
func TestRandomSwarms(t *testing.T) {
	rng := rand.New(rand.NewSource(5))
	for try := range 300 {
		c := newChoker(Config{MaxExempt: 5}, int64(try))
		seeding := rng.Intn(2) == 0
		peers := make([]Peer, rng.Intn(60))
		for i := range peers {
			peers[i] = Peer{
				ID: i*7 + 3, Choked: true, Interested: rng.Intn(3) > 0, Snubbed: rng.Intn(5) == 0,
				UploadOnly: rng.Intn(8) == 0, Exempt: rng.Intn(6) == 0, ConnectedAt: start,
			}
		}
		for r := range 20 {
			now := start.Add(time.Duration(r) * Interval)
			for i := range peers {
				peers[i].Down = float64(rng.Intn(4) * 1000)
				peers[i].Interested = peers[i].Interested != (rng.Intn(10) == 0)
			}
			slots := c.Slots(now, float64(rng.Intn(1e6)))
			fill := c.Fill(now, peers, seeding)
			round := c.Round(now, peers, seeding)
			if err := check(peers, fill, round, slots, 5); err != nil {
				t.Fatalf("swarm %d round %d: %v", try, r, err)
			}
			apply(now, peers, round)
		}
	}
}

// check returns what is wrong with a round's answers.
func check(peers []Peer, fill, round []int, slots, maxExempt int) error {
	byID := make(map[int]*Peer)
	wants := 0
	for i := range peers {
		byID[peers[i].ID] = &peers[i]
		if peers[i].wants() {
			wants++
		}
	}
	seen := make(map[int]bool)
	used := 0
	for _, id := range round {
		switch p := byID[id]; {
		case p == nil:
			return fmt.Errorf("peer %d is none of them", id)
		case seen[id]:
			return fmt.Errorf("peer %d twice", id)
		case p.UploadOnly:
			return fmt.Errorf("peer %d is upload only", id)
		case p.wants():
			used++
		}
		seen[id] = true
	}
	if used > slots+maxExempt {
		return fmt.Errorf("%d interested unchoked, %d slots and %d exempt", used, slots, maxExempt)
	}
	if wants <= slots && used != wants {
		return fmt.Errorf("%d of %d interested unchoked, though there are %d slots", used, wants, slots)
	}
	if wants > slots && used < slots {
		return fmt.Errorf("%d of %d slots used, %d want one", used, slots, wants)
	}
	for _, id := range fill {
		if p := byID[id]; !p.Choked || !p.wants() {
			return fmt.Errorf("fill names peer %d: %+v", id, *p)
		}
	}
	return nil
}
