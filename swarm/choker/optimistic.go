package choker

import (
	"slices"
	"time"
)

// optimisticSlots returns how many of n slots are given by chance.
func (c *Choker) optimisticSlots(n int) int { return max(1, n/optimistics) }

// drawOptimistic returns the optimistic unchokes among the peers that got no
// slot by merit. One stays for OptimisticInterval; when it leaves, loses its
// interest or earns a slot, another is drawn in its place.
func (c *Choker) drawOptimistic(now time.Time, others []*Peer) (ids []int) {
	n := c.optimisticSlots(c.slots.now)
	kept := make(map[int]time.Time, n)
	var candidates []*Peer
	for _, p := range others {
		since, ok := c.optimistic[p.ID]
		if ok && now.Sub(since) < OptimisticInterval-slack && !p.ConnectedAt.After(since) && len(kept) < n {
			kept[p.ID] = since
			ids = append(ids, p.ID)
		} else {
			candidates = append(candidates, p)
		}
	}
	for len(ids) < n && len(candidates) > 0 {
		i := c.draw(now, candidates)
		kept[candidates[i].ID] = now
		ids = append(ids, candidates[i].ID)
		candidates = slices.Delete(candidates, i, i+1)
	}
	c.optimistic = kept
	return ids
}

// draw returns the index of a peer by chance, new ones three times as likely
// (BEP 3). One whose 30 s have just passed is drawn only if nobody waits.
func (c *Choker) draw(now time.Time, peers []*Peer) int {
	weights := make([]int, len(peers))
	sum := 0
	for i, p := range peers {
		if !p.Choked {
			continue
		}
		weights[i] = 1
		if now.Sub(p.ConnectedAt) < newPeer {
			weights[i] = newWeight
		}
		sum += weights[i]
	}
	if sum == 0 {
		return c.rand.Intn(len(peers))
	}
	r := c.rand.Intn(sum)
	for i, w := range weights {
		if r < w {
			return i
		}
		r -= w
	}
	return 0 // not reached: r < sum
}
