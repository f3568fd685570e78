package drive

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
)

// list returns all members that are shown or connected: ourselves, then by
// rank, then those of whom nothing is shown.
func (l *loop) list() []Member {
	var all []Member
	l.views.show(l.state.View()) // who is hidden is known then
	known := make(map[catalog.Key]bool)
	for _, m := range l.state.View().Members() {
		known[m.Key] = true
		e := Member{
			Key: m.Key, Name: m.Name, Self: m.Self, Trusted: m.Trusted,
			Shares: m.Shares(), Files: m.Files, Bytes: m.Bytes,
		}
		e.Hidden = l.views.hidden[m.Key]
		e.Shown = !e.Hidden
		all = append(all, e)
	}
	shown := len(all)
	for k, c := range l.conns.byKey {
		if !known[k] {
			e := Member{Key: k, Name: c.Name, Trusted: l.d.trusts(k)}
			e.Hidden = l.d.cfg.Hides != nil && l.d.cfg.Hides(k, 0, true)
			all = append(all, e)
		}
	}
	for i := range all {
		e := &all[i]
		e.Seen = l.state.Authors.Seen(e.Key)
		if c := l.conns.byKey[e.Key]; c != nil {
			e.Connected, e.Addr, e.Since, e.Ahead = true, c.listen, c.since, c.Ahead(l.d.cfg.Now())
		}
	}
	slices.SortFunc(all[shown:], func(x, y Member) int { return bytes.Compare(x.Key[:], y.Key[:]) })
	return all
}

// MaxAhead is the difference between a member's clock and ours from which on it
// is worth telling: less matters to nothing here.
const MaxAhead = 5 * time.Minute

// Member is a member of the drive as far as is known here.
type Member struct {
	Key       catalog.Key
	Name      string
	Self      bool
	Trusted   bool
	Connected bool
	Addr      netip.AddrPort // where he listens; of connected members only, zero: not known
	Since     time.Time      // when the connection began
	Ahead     time.Duration  // by which his clock is before ours; negative: behind
	Shown     bool           // his catalogue is part of the namespace
	Hidden    bool           // Config.Hides says so
	Shares    bool           // it names something
	Seen      time.Time      // when he last gave a sign of life; zero: not known
	Files     int64          // in it
	Bytes     int64          // sum of their sizes
}

// Members returns all whose catalogue is here or who are connected, also those
// who are hidden.
func (d *Drive) Members() []Member { return ask(d, (*loop).list) }

// ask returns what f finds on the loop's goroutine; the zero value once the drive
// is closed, or where f panicked.
func ask[T any](d *Drive, f func(*loop) T) (zero T) {
	result := make(chan T, 1)
	if d.post(d.ctx, asking{func(l *loop) { result <- f(l) }, func(error) { offer(result, zero) }}) != nil {
		return zero
	}
	select {
	case got := <-result:
		return got
	case <-d.ctx.Done():
		return zero
	}
}
