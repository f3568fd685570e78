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
	known := make(map[catalog.Key]bool)
	for _, m := range l.state.View().Members() {
		known[m.Key] = true
		e := Member{
			Key: m.Key, Name: m.Name, Self: m.Self, Trusted: m.Trusted,
			Shown: true, Files: m.Files, Bytes: m.Bytes,
		}
		l.addConnection(&e)
		all = append(all, e)
	}
	shown := len(all)
	for k, c := range l.conns {
		if !known[k] {
			e := Member{Key: k, Name: c.name, Trusted: l.trusts(k)}
			l.addConnection(&e)
			all = append(all, e)
		}
	}
	slices.SortFunc(all[shown:], func(x, y Member) int { return bytes.Compare(x.Key[:], y.Key[:]) })
	return all
}

func (l *loop) addConnection(m *Member) {
	if c := l.conns[m.Key]; c != nil {
		m.Connected, m.Addr, m.Since, m.Ahead = true, c.listen, c.since, c.ahead(l.d.cfg.Now())
	}
}

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
	Files     int64          // in it
	Bytes     int64          // sum of their sizes
}

// Members returns all whose catalogue is shown or who are connected.
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
