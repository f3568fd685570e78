package swarm

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/swarmtest"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// notebook is a Remember of tests.
type notebook struct {
	mu    sync.Mutex
	lists [][]netip.AddrPort
}

func (n *notebook) note(list []netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lists = append(n.lists, list)
}

func (n *notebook) last() []netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.lists) == 0 {
		return nil
	}
	return n.lists[len(n.lists)-1]
}

// TestRememberedPeersAreDialled fetches from a named peer, and again with nothing
// but what was remembered then.
func TestRememberedPeersAreDialled(t *testing.T) {
	payload := randomBytes(100_000)
	m, _ := torrents(t, payload, 64<<10)
	a := client(t, swarmtest.Host().String())
	add(t, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
	var kept notebook
	dead := at("127.0.0.7:9")
	first := add(t, client(t, swarmtest.Host().String()), Spec{
		MetaInfo: m, Storage: (&memory{}).open, Everything: true, Remember: kept.note, Peers: []netip.AddrPort{dead, a.Addr()},
	})
	if err := first.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	if got := kept.last(); !slices.Equal(got, []netip.AddrPort{a.Addr()}) {
		t.Fatalf("remembered %v, want %v", got, a.Addr())
	}
	second := add(t, client(t, swarmtest.Host().String()), Spec{MetaInfo: m, Storage: (&memory{}).open, Everything: true, Known: kept.last()})
	if err := second.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
}

// TestPrivateIsNotRemembered, nor believes what was.
func TestPrivateIsNotRemembered(t *testing.T) {
	payload := randomBytes(100_000)
	m, _ := torrents(t, payload, 64<<10)
	m = asPrivate(t, m)
	a := client(t, swarmtest.Host().String())
	add(t, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
	var kept notebook
	tor := add(t, client(t, swarmtest.Host().String()), Spec{
		MetaInfo: m, Storage: (&memory{}).open, Everything: true, Remember: kept.note,
		Peers: []netip.AddrPort{a.Addr()}, Known: []netip.AddrPort{at("127.0.0.7:9")},
	})
	if err := tor.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	if n := tor.Stats().Known; n > 1 {
		t.Errorf("%d known, want the named one alone", n)
	}
	tor.Close()
	if got := kept.last(); got != nil {
		t.Errorf("remembered %v", got)
	}
}

// TestRememberNowAndThen has the list handed out when it has changed, five
// minutes after the last time, and not while that is still being written.
func TestRememberNowAndThen(t *testing.T) {
	m, _ := torrents(t, randomBytes(1000), 16<<10)
	c := client(t, "127.0.0.1")
	var kept notebook
	writing := make(chan struct{}, 1)
	tor := add(t, c, Spec{MetaInfo: m, Storage: (&memory{}).open, Announce: Never, Remember: func(list []netip.AddrPort) {
		kept.note(list)
		writing <- struct{}{}
	}})
	var peers []netip.AddrPort // each of a group of its own
	for i := range 100 {
		peers = append(peers, netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, byte(i), 0, 1}), 6881))
	}
	step := func(later time.Duration, reached int) {
		done := make(chan bool)
		tor.post(inspect(func(l *loop) {
			l.find.book.Add(peers[:reached], book.Tracker)
			for _, a := range peers[:reached] {
				l.find.book.Arrived(a, book.Owner{}, l.now)
				l.find.book.Ended(a, book.Unwelcome, l.now.Add(time.Hour))
			}
			l.find.remember.at = l.now.Add(-later)
			l.find.remember.tick(l.now)
			close(done)
		}))
		<-done
	}
	step(rememberEvery-time.Second, 1)
	step(rememberEvery, 1)
	eventually(t, "the first list", func() bool { return len(kept.last()) == 1 })
	step(rememberEvery, 1) // the same
	step(rememberEvery, 2)
	eventually(t, "the second list waits to be written", func() bool { return len(kept.last()) == 2 })
	step(rememberEvery, 3) // too soon
	<-writing
	<-writing
	busy := func() (b bool) {
		done := make(chan struct{})
		tor.post(inspect(func(l *loop) { b = !l.find.remember.idle(); close(done) }))
		<-done
		return b
	}
	eventually(t, "written", func() bool { return !busy() })
	step(rememberEvery, 100)
	eventually(t, "the third list", func() bool { return len(kept.last()) == maxRemembered })
	<-writing
	tor.Close()
	if n := len(kept.lists); n != 3 {
		t.Errorf("%d lists, want 3: nothing changed before the end", n)
	}
}
