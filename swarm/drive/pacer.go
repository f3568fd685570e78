package drive

import (
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
)

// pacer bounds the rate of heads by author. Pure but for x/time/rate, which
// takes the time as a parameter. Owned by the loop.
type pacer struct {
	limits map[catalog.Key]*rate.Limiter
	held   map[catalog.Key]paced
}

// paced is a head that waits, and who sent it.
type paced struct {
	head catalog.Head
	from int
}

func newPacer() *pacer {
	return &pacer{make(map[catalog.Key]*rate.Limiter), make(map[catalog.Key]paced)}
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

// hold keeps a head for later, the newest of each author.
func (p *pacer) hold(h catalog.Head, from int) {
	old, ok := p.held[h.Key]
	if !ok && len(p.held) >= maxPaced || ok && old.head.Seq >= h.Seq {
		return
	}
	p.held[h.Key] = paced{h, from}
}

// due returns the heads whose time has come, and forgets authors who were
// quiet.
func (p *pacer) due(now time.Time) []paced {
	var list []paced
	for k, h := range p.held {
		if p.limits[k].AllowN(now, 1) {
			list = append(list, h)
			delete(p.held, k)
		}
	}
	for k, r := range p.limits {
		if _, waits := p.held[k]; !waits && r.TokensAt(now) >= headBurst {
			delete(p.limits, k)
		}
	}
	return list
}
