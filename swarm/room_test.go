package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/upload"
)

// TestWhoMakesRoom: whoever is of no use goes first; of those that take from us
// the one that canonical priority ranks lowest, if the newcomer ranks higher.
func TestWhoMakesRoom(t *testing.T) {
	now := time.Now()
	const long = 2 * useless
	newLoop := func(since, gave, took time.Duration) *loop {
		l := &loop{now: now, remotes: map[int]*remote{}, book: book.New(book.Config{Max: maxAddresses})}
		l.book.Ours.Seen(at("10.0.0.1:6881"))
		for i, a := range []string{"20.1.0.1:1", "20.2.0.1:1", "20.3.0.1:1", "20.4.0.1:1"} {
			r := &remote{id: i, addr: at(a), since: now.Add(-since), up: &upload.Peer{LastRequest: now.Add(-took)}}
			r.down.lastGot = now.Add(-gave)
			l.remotes[i] = r
		}
		return l
	}
	l := newLoop(long, long, 0)
	low, high := l.remotes[0], l.remotes[0]
	for _, r := range l.remotes {
		if l.book.Ours.Rank(r.addr) < l.book.Ours.Rank(low.addr) {
			low = r
		}
		if l.book.Ours.Rank(r.addr) > l.book.Ours.Rank(high.addr) {
			high = r
		}
	}
	for _, tt := range []struct {
		name              string
		since, gave, took time.Duration
		newcomer          netip.AddrPort
		want              *remote
	}{
		{"all take, a high newcomer", long, long, 0, high.addr, low},
		{"all take, a low newcomer", long, long, 0, low.addr, nil},
		{"all give", long, 0, long, high.addr, nil},
		{"all are new", 0, long, long, high.addr, nil},
	} {
		l := newLoop(tt.since, tt.gave, tt.took)
		got := l.lowest(tt.newcomer)
		if (got == nil) != (tt.want == nil) || got != nil && got.addr != tt.want.addr {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
		if l.idlest() != nil {
			t.Errorf("%s: one is of no use", tt.name)
		}
	}
	l = newLoop(long, long, 0)
	l.remotes[2].up.LastRequest = now.Add(-long)
	if got := l.idlest(); got != l.remotes[2] {
		t.Errorf("idlest is %+v, want 2", got)
	}
}
