package pex

import (
	"fmt"
	"math/rand"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

var start = time.Unix(1_000_000, 0)

// local is somebody who may be told of anybody.
var local = Receiver{Addr: netip.MustParseAddr("127.0.0.9")}

// many makes n live peers.
func many(n int) (out []Peer) {
	for i := range n {
		out = append(out, Peer{Addr: at(fmt.Sprintf("10.0.%d.%d:6881", i/200, i%200+1))})
	}
	return out
}

func TestFeedTellsChanges(t *testing.T) {
	f := NewFeed(start)
	if f.Due(start) || !f.Due(start.Add(FirstDelay)) {
		t.Error("the first message is due at another time than FirstDelay")
	}
	now := start.Add(FirstDelay)
	for i, step := range []struct {
		live []Peer
		want Message
		told bool
	}{
		{nil, Message{}, false},
		{peers("1.1.1.1:1", "2.2.2.2:2 10"), Message{Added: peers("2.2.2.2:2 10", "1.1.1.1:1")}, true},
		{peers("1.1.1.1:1", "2.2.2.2:2"), Message{}, false},
		{peers("1.1.1.1:1", "[2001:db8::1]:3"), Message{Added: peers("[2001:db8::1]:3"), Dropped: addrs("2.2.2.2:2")}, true},
		{peers("2.2.2.2:2"), Message{Added: peers("2.2.2.2:2"), Dropped: addrs("1.1.1.1:1", "[2001:db8::1]:3")}, true},
		{nil, Message{Dropped: addrs("2.2.2.2:2")}, true},
		{peers("3.3.3.3:3", "3.3.3.3:3", "0.0.0.0:1"), Message{Added: peers("3.3.3.3:3")}, true},
	} {
		got, told := f.Next(now, local, step.live, &Recent{})
		if told != step.told || told && !reflect.DeepEqual(got, step.want) {
			t.Errorf("step %d: got %+v, %t, want %+v, %t", i, got, told, step.want, step.told)
		}
		wait := retry
		if told {
			wait = Interval
		}
		if f.Due(now.Add(wait-1)) || !f.Due(now.Add(wait)) {
			t.Errorf("step %d: not due again after %v", i, wait)
		}
		now = now.Add(wait)
	}
}

func TestFeedTellsTheRestLater(t *testing.T) {
	f := NewFeed(start)
	live := many(120)
	var sizes []int
	told := map[netip.AddrPort]bool{}
	for range 4 {
		m, _ := f.Next(start, local, live, &Recent{})
		sizes = append(sizes, len(m.Added))
		for _, p := range m.Added {
			if told[p.Addr] {
				t.Errorf("%v told twice", p.Addr)
			}
			told[p.Addr] = true
		}
	}
	if want := []int{50, 50, 20, 0}; !reflect.DeepEqual(sizes, want) {
		t.Errorf("told %v, want %v", sizes, want)
	}
	m, _ := f.Next(start, local, nil, &Recent{})
	if len(m.Dropped) != MaxEntries || len(m.Added) != 0 {
		t.Errorf("got %d dropped, %d added, want 50, 0", len(m.Dropped), len(m.Added))
	}
}

func TestFeedTellsWhoLeftOnce(t *testing.T) {
	f := NewFeed(start)
	var recent Recent
	recent.Add(peers("1.1.1.1:1 02")[0])
	recent.Add(peers("[2001:db8::1]:1")[0])
	if m, ok := f.Next(start, local, nil, &recent); !ok || !reflect.DeepEqual(m.Added, peers("1.1.1.1:1 02", "[2001:db8::1]:1")) {
		t.Errorf("got %+v", m)
	}
	recent.Add(peers("2.2.2.2:2")[0])
	m, _ := f.Next(start, local, nil, &recent)
	want := Message{Added: peers("2.2.2.2:2"), Dropped: addrs("1.1.1.1:1", "[2001:db8::1]:1")}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, want %+v", m, want)
	}
	// One that was told while it was connected is dropped, not told again.
	recent.Add(peers("3.3.3.3:3")[0])
	recent.Remove(at("3.3.3.3:3"))
	f.Next(start, local, peers("3.3.3.3:3"), &recent)
	recent.Add(peers("3.3.3.3:3")[0])
	if m, _ := f.Next(start, local, nil, &recent); len(m.Added) != 0 || !reflect.DeepEqual(m.Dropped, addrs("3.3.3.3:3")) {
		t.Errorf("got %+v, want it dropped", m)
	}
	if _, ok := f.Next(start, local, nil, &recent); ok {
		t.Error("there is nothing left to tell")
	}
}

func TestFeedLeavesOutWhoLeftWhereManyAre(t *testing.T) {
	f := NewFeed(start)
	var recent Recent
	recent.Add(peers("1.1.1.1:1")[0])
	recent.Add(peers("[2001:db8::1]:1")[0])
	m, _ := f.Next(start, local, many(fewLive), &recent)
	if n := len(m.Added); n != fewLive+1 || m.Added[n-1].Addr != at("[2001:db8::1]:1") {
		t.Errorf("got %d, the last %v; want the IPv6 one behind %d", n, m.Added[n-1], fewLive)
	}
	// What does not fit is told later.
	f = NewFeed(start)
	var ones []Peer
	for i, p := range many(MaxEntries + 10) {
		if p.Addr = netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i + 1)}), 1); i < MaxEntries {
			ones = append(ones, p)
		}
	}
	if m, _ := f.Next(start, local, ones, &recent); len(m.Added) != MaxEntries {
		t.Errorf("got %d, want %d", len(m.Added), MaxEntries)
	}
	if m, _ := f.Next(start, local, ones, &recent); !reflect.DeepEqual(m.Added, peers("1.1.1.1:1")) {
		t.Errorf("got %+v, want the one that did not fit", m)
	}
}

// TestFeedKeepsToItself leaves out who is told, and what is none of its business,
// be it connected or gone.
func TestFeedKeepsToItself(t *testing.T) {
	far := Receiver{Addr: netip.MustParseAddr("8.8.8.8"), Listen: at("8.8.8.8:6881")}
	all := peers("8.8.8.8:6881", "8.8.8.8:6882", "127.0.0.1:1", "192.168.1.1:1", "[fd00::1]:1", "[2606::1]:1")
	want := peers("8.8.8.8:6882", "[2606::1]:1")
	f := NewFeed(start)
	if m, _ := f.Next(start, far, all, &Recent{}); !reflect.DeepEqual(m.Added, want) {
		t.Errorf("of those connected got %v, want %v", m.Added, want)
	}
	var recent Recent
	for _, p := range all {
		recent.Add(p)
	}
	f = NewFeed(start)
	if m, _ := f.Next(start, far, nil, &recent); !reflect.DeepEqual(m.Added, want) {
		t.Errorf("of those gone got %v, want %v", m.Added, want)
	}
}

func TestRecentIsBounded(t *testing.T) {
	var recent Recent
	for _, p := range many(100) {
		recent.Add(p)
		recent.Add(p)
		recent.Add(Peer{})
	}
	if got := recent.after(0); len(got) != fewLive || got[fewLive-1].peer != many(100)[99] {
		t.Errorf("got %d, the last %v", len(got), got[len(got)-1])
	}
}

// TestFeedModel plays random comings and goings to a listener that keeps what
// it is told: after some minutes without a change it knows who is there.
func TestFeedModel(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	all := many(300)
	f := NewFeed(start)
	var recent Recent
	known, live, now := map[netip.AddrPort]bool{}, map[netip.AddrPort]Peer{}, start
	step := func() {
		var list []Peer
		for _, p := range live {
			list = append(list, p)
		}
		now = now.Add(Interval)
		m, ok := f.Next(now, local, list, &recent)
		if ok != (len(m.Added)+len(m.Dropped) > 0) || len(m.Added) > MaxEntries || len(m.Dropped) > MaxEntries {
			t.Fatalf("got %d added, %d dropped, %t", len(m.Added), len(m.Dropped), ok)
		}
		for _, a := range m.Dropped {
			if !known[a] {
				t.Fatalf("%v dropped, and was not told", a)
			}
			delete(known, a)
		}
		for _, p := range m.Added {
			if known[p.Addr] {
				t.Fatalf("%v told twice", p.Addr)
			}
			known[p.Addr] = true
		}
	}
	for range 500 {
		for range rng.Intn(30) {
			p := all[rng.Intn(len(all))]
			if _, ok := live[p.Addr]; ok {
				delete(live, p.Addr)
				recent.Add(p)
			} else if len(live) < 100 {
				live[p.Addr] = p
				recent.Remove(p.Addr)
			}
		}
		step()
		if len(f.told) > 300 {
			t.Fatalf("%d are taken for told", len(f.told))
		}
	}
	for range 10 {
		step()
	}
	if len(known) != len(live) {
		t.Errorf("in the end %d are known, and %d are there", len(known), len(live))
	}
}

func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration
		n     int
		want  Verdict // of the last
	}{
		{"the first", 0, 1, Read},
		{"one soon after", 0, 2, Read},
		{"a third", 0, 3, Ignore},
		{"ten too many", 0, 12, Ignore},
		{"a flood", 0, 13, Close},
		{"once a minute", Interval, 1000, Read},
		{"with jitter", 58 * time.Second, 1000, Read},
		{"six a minute", 10 * time.Second, 40, Close},
	} {
		var b Budget
		var got Verdict
		for i := range tt.n {
			if got = b.Take(start.Add(time.Duration(i) * tt.every)); got == Close {
				break
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	var b Budget
	for range 12 {
		b.Take(start)
	}
	for i := range 20 {
		if v := b.Take(start.Add(time.Duration(i+2) * Interval)); v != Read {
			t.Fatalf("a peer that keeps the rule again: got %v", v)
		}
	}
	if b.ignored != 0 {
		t.Errorf("%d faults are not forgiven", b.ignored)
	}
}
