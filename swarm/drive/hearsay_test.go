package drive

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/netgroup"
)

// callFrom is call, from an address.
func (nd *pnode) callFrom(n int, from string) *stranger {
	nd.t.Helper()
	c, err := pipeDialer{nd.net, netip.AddrPortFrom(netip.MustParseAddr(from), 6881)}.Dial(nd.t.Context(), nd.addr)
	if err != nil {
		nd.t.Fatal(err)
	}
	return newStranger(nd.t, n, c, nd.addr)
}

// tellPorts tells of so many ports of a host.
func (s *stranger) tellPorts(host string, n int) {
	for first := 0; first < n; first += message.MaxAddresses {
		var m message.Peers
		for i := first; i < min(n, first+message.MaxAddresses); i++ {
			m.Members = append(m.Members, message.Address{Key: catalog.Key{1, byte(i), byte(i >> 8)}, Addr: netip.AddrPortFrom(netip.MustParseAddr(host), uint16(2000+i))})
		}
		s.Say(m)
		time.Sleep(10 * time.Millisecond)
	}
}

// dialsTo are the dials of a host: of how many ports, and how many.
func (p *pipes) dialsTo(host string) (ports, dials int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, list := range p.dials {
		if a.Addr() == netip.MustParseAddr(host) {
			ports, dials = ports+1, dials+len(list)
		}
	}
	return ports, dials
}

// TestMembersDoNotScan: a member from outside has nobody dial a host of our
// network, and any number of them together flood nobody.
func TestMembersDoNotScan(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		const victim = "198.51.100.7"
		a := pipeMember(t, p, 1)
		for i := range 6 {
			s := a.callFrom(20+i, fmt.Sprintf("203.0.113.%d", i+1)).meet()
			go drain(s)
			for _, inner := range []string{"10.0.0.77", "192.168.0.1", "169.254.7.7", "100.64.0.9", "127.0.0.1"} {
				s.tellPorts(inner, 399)
			}
			s.Say(message.Peers{Members: []message.Address{{Key: catalog.Key{9}, Addr: netip.MustParseAddrPort("198.51.100.8:22")}}})
			s.tellPorts(victim, 399)
		}
		for _, inner := range []string{"10.0.0.77", "192.168.0.1", "169.254.7.7", "100.64.0.9", "127.0.0.1", "198.51.100.8"} {
			if _, n := p.dialsTo(inner); n > 0 {
				t.Errorf("%s was dialled %d times on the word of somebody from outside", inner, n)
			}
		}
		time.Sleep(time.Minute)
		if ports, n := p.dialsTo(victim); ports > netgroup.MaxPorts || n > 11 || n == 0 {
			t.Errorf("%s was dialled %d times at %d ports in a minute", victim, n, ports)
		}
		b := pipeMember(t, p, 2)
		s := a.call(40).meet() // one of our network may tell of another
		go drain(s)
		s.Say(message.Peers{Members: []message.Address{{Key: b.cfg.Identity.Key(), Addr: b.addr}}})
		time.Sleep(time.Second)
		if !a.connected(b.cfg.Identity.Key()) {
			t.Error("a member of our network that another told of is not found")
		}
	})
}

// TestTrackersDoNotFlood: what trackers list is dialled six times in half a
// minute, and one Dials bounds the drives of a process together.
func TestTrackersDoNotFlood(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		victim := netip.MustParseAddr("198.51.100.7")
		dials := &netgroup.Dials{}
		for n := range 3 {
			a := pipeMember(t, p, 1+n, func(c *Config) { engineOf(c).Dials = dials })
			for i := range 100 {
				a.Swarm().Add([]netip.AddrPort{netip.AddrPortFrom(victim, uint16(2000+100*n+i))}, book.Tracker)
			}
		}
		time.Sleep(29 * time.Second)
		if _, n := p.dialsTo(victim.String()); n > 6 || n == 0 {
			t.Errorf("dialled %d times in half a minute", n)
		}
	})
}

// TestLiarsDoNotHideHolders: six members who name holders that are nobody take
// nothing from the one who has the file, however often they are asked.
func TestLiarsDoNotHideHolders(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		root := catalog.Hash{7}
		a := pipeMember(t, p, 1)
		for i := range 6 {
			s := a.call(20 + i).meet()
			go func() {
				for n := 0; ; n++ {
					m, err := s.Hear()
					if err != nil {
						return
					}
					q, ok := m.(message.Who)
					if !ok {
						continue
					}
					lie := message.Holds{File: q.File}
					for j := range message.MaxHolders {
						lie.Holders = append(lie.Holders, message.Holder{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(i), byte(j)}), uint16(2000+n)), Member: catalog.Key{3}, Pieces: Pieces{All: true}})
					}
					s.Say(lie)
				}
			}()
		}
		time.Sleep(time.Second)
		for range 10 {
			a.Who(t.Context(), hashing.Content{Root: root, Size: 1})
			time.Sleep(11 * time.Second)
		}
		b := pipeMember(t, p, 2, func(c *Config) {
			fakesOf(c).holders = func(hashing.Content) []Holder { return []Holder{{Pieces: Pieces{All: true}}} }
		})
		a.join(b)
		time.Sleep(11 * time.Second)
		a.Who(t.Context(), hashing.Content{Root: root, Size: 1})
		time.Sleep(time.Second)
		list, err := a.Who(t.Context(), hashing.Content{Root: root, Size: 1})
		if err != nil || len(list) == 0 || list[0].Addr != b.addr || list[0].Member != b.cfg.Identity.Key() {
			t.Fatalf("got %d holders, %v; the honest one is not the first", len(list), err)
		}
		if n := len(list) - 1; n > 6*4 {
			t.Errorf("%d holders on the word of six", n)
		}
	})
}

// TestPublishersAreKnownWithoutAsking: a member whose catalogue has the file is
// named at once, though nobody answers; one who is not connected where he was met.
func TestPublishersAreKnownWithoutAsking(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		root := catalog.Hash{7}
		a, b, c := pipeMember(t, p, 1), pipeMember(t, p, 2), pipeMember(t, p, 3)
		s := a.call(20).meet() // never answers
		go drain(s)
		a.join(b, c)
		time.Sleep(time.Second)
		c.Close()
		time.Sleep(time.Second)
		start := time.Now()
		list, err := a.Who(t.Context(), hashing.Content{Root: root, Size: 1}, b.cfg.Identity.Key(), c.cfg.Identity.Key(), ident(99).Key())
		var addrs []netip.AddrPort
		for _, h := range list {
			addrs = append(addrs, h.Addr)
		}
		if err != nil || !slices.Equal(addrs, []netip.AddrPort{b.addr, c.addr}) || time.Since(start) > 0 {
			t.Errorf("got %v, %v after %v", addrs, err, time.Since(start))
		}
	})
}
