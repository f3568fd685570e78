package gossip

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/catalog"
)

// How often an author's catalogue may change; beyond that only the newest head
// counts, and later.
const (
	headsPerS = 2
	headBurst = 10
	maxPaced  = 4096 // heads that wait
	maxPacedG = 512  // of those that one address group sent
)

// pacer bounds the rate of heads by author. Owned by the loop.
type pacer struct {
	limits map[catalog.Key]*rate.Limiter
	held   map[catalog.Key]Paced
	groups map[netip.Prefix]int // of held, by who sent them
}

// Paced is a head that may have had to wait, what was told of its author, and the
// member that sent it.
type Paced struct {
	Head catalog.Head
	Told catalog.Told
	From int
}

func newPacer() *pacer {
	return &pacer{make(map[catalog.Key]*rate.Limiter), make(map[catalog.Key]Paced), make(map[netip.Prefix]int)}
}

// allow reports whether an author's head may be taken now, and counts it.
func (p *pacer) allow(author catalog.Key, now time.Time) bool {
	if _, waits := p.held[author]; waits {
		return false
	}
	r := p.limits[author]
	if r == nil {
		r = rate.NewLimiter(headsPerS, headBurst)
		p.limits[author] = r
	}
	return r.AllowN(now, 1)
}

// hold keeps a head for later, the newest of each author. There is always room
// for those that their authors sent themselves.
func (p *pacer) hold(h Paced, own bool) {
	old, ok := p.held[h.Head.Key]
	switch {
	case ok && old.Head.Seq >= h.Head.Seq:
		return
	case ok:
		p.forget(old)
	case !own && (len(p.held) >= maxPaced || p.groups[h.Told.From] >= maxPacedG):
		return
	}
	p.held[h.Head.Key] = h
	p.groups[h.Told.From]++
}

func (p *pacer) forget(h Paced) {
	delete(p.held, h.Head.Key)
	if p.groups[h.Told.From]--; p.groups[h.Told.From] == 0 {
		delete(p.groups, h.Told.From)
	}
}

// due returns the heads whose time has come, and forgets authors who were
// quiet.
func (p *pacer) due(now time.Time) []Paced {
	var list []Paced
	for k, h := range p.held {
		if p.limits[k].AllowN(now, 1) {
			list = append(list, h)
			p.forget(h)
		}
	}
	for k, r := range p.limits {
		if _, waits := p.held[k]; !waits && r.TokensAt(now) >= headBurst {
			delete(p.limits, k)
		}
	}
	return list
}
