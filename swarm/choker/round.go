package choker

import (
	"cmp"
	"slices"
	"time"
)

// Round returns the peers that are to be unchoked from now on; all others
// are to be choked. It is to be called every Interval, seeding telling that
// we have all we want. Peers that are not interested may be among them: those
// that send us more than one that holds a slot, so that they can begin at
// once (BEP 3).
func (c *Choker) Round(now time.Time, peers []Peer, seeding bool) (unchoke []int) {
	exempt, rest := c.split(peers)
	for _, p := range exempt {
		unchoke = append(unchoke, p.ID)
	}
	c.rank(now, rest, seeding)
	free := c.slots.now
	c.slots.full = len(rest) > free
	if !seeding {
		free -= c.optimisticSlots(free)
	}
	regular := rest[:min(free, len(rest))]
	others := rest[len(regular):]
	for _, p := range regular {
		unchoke = append(unchoke, p.ID)
	}
	if seeding {
		clear(c.optimistic)
		return unchoke
	}
	unchoke = append(unchoke, c.drawOptimistic(now, others)...)
	return append(unchoke, eager(peers, regular, len(others) == 0)...)
}

// Fill returns peers that are choked and can be unchoked at once, before the
// next round, because slots are free or they are exempt. To be called when a
// peer becomes interested, or has gone.
func (c *Choker) Fill(now time.Time, peers []Peer, seeding bool) (unchoke []int) {
	exempt, rest := c.split(peers)
	for _, p := range exempt {
		if p.Choked {
			unchoke = append(unchoke, p.ID)
		}
	}
	c.rank(now, rest, seeding)
	free := c.slots.now
	for _, p := range rest {
		if !p.Choked {
			free--
		}
	}
	for _, p := range rest {
		if p.Choked && free > 0 {
			unchoke = append(unchoke, p.ID)
			free--
		}
	}
	return unchoke
}

// split returns the peers that want something: the exempt ones, longest
// connected first and as many as may be, and all others.
func (c *Choker) split(peers []Peer) (exempt, rest []*Peer) {
	for i := range peers {
		p := &peers[i]
		switch {
		case !p.wants():
		case p.Exempt:
			exempt = append(exempt, p)
		default:
			rest = append(rest, p)
		}
	}
	if n := c.cfg.MaxExempt; len(exempt) > n {
		slices.SortStableFunc(exempt, func(a, b *Peer) int { return a.ConnectedAt.Compare(b.ConnectedAt) })
		rest = append(rest, exempt[n:]...)
		exempt = exempt[:n]
	}
	return exempt, rest
}

// turn is where a peer stands in the going round; lower comes first.
type turn int

const (
	running turn = iota // unchoked, and its turn lasts
	waiting             // choked
	over                // unchoked, and has had its turn
)

func (c *Choker) turnOf(now time.Time, p *Peer) turn {
	held := now.Sub(p.UnchokedAt)
	switch {
	case p.Choked:
		return waiting
	case held >= maxTurn,
		held >= minTurn && p.SentSinceUnchoke >= c.cfg.Quota,
		held >= idleTurn && p.SentSinceUnchoke == 0:
		return over
	}
	return running
}

// rank sorts peers by how much they deserve a slot, the best first. Leeching
// that is by what they send us, snubbed ones last; among equals, and seeding,
// it goes round: running turns, then those who wait, longest first, then the
// others, fastest first. Leeching, chance decides between those who never had a
// slot: those who came together would else serve one another only, in the order
// in which they came.
func (c *Choker) rank(now time.Time, peers []*Peer, seeding bool) {
	byTurn := func(a, b *Peer) int {
		ta, tb := c.turnOf(now, a), c.turnOf(now, b)
		if ta != tb {
			return cmp.Compare(ta, tb)
		}
		if ta == waiting && seeding {
			return a.served().Compare(b.served())
		}
		if ta == waiting {
			return a.UnchokedAt.Compare(b.UnchokedAt)
		}
		return cmp.Compare(b.Up, a.Up)
	}
	c.rand.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
	slices.SortStableFunc(peers, func(a, b *Peer) int {
		if !seeding {
			if a.Snubbed != b.Snubbed {
				if a.Snubbed {
					return 1
				}
				return -1
			}
			if d := cmp.Compare(b.Down, a.Down); d != 0 {
				return d
			}
		}
		return byTurn(a, b)
	})
}

// eager returns peers that are not interested yet and deserve to be unchoked:
// they send us more than the last of those who hold a regular slot, or slots
// are left over (room).
func eager(peers []Peer, regular []*Peer, room bool) (ids []int) {
	worst := 0.0
	if !room && len(regular) > 0 {
		worst = regular[len(regular)-1].Down
	}
	for i := range peers {
		p := &peers[i]
		if !p.Interested && !p.UploadOnly && !p.Snubbed && p.Down > worst {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
