package drive

import (
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/wire"
)

// flood sends until the other side closes.
func (s *stranger) flood(b []byte) {
	for range 40 {
		if !s.Queue(b) {
			return
		}
	}
}

// drain reads until the connection ends, and then ends it.
func drain(s *stranger) {
	for {
		if _, err := s.Hear(); err != nil {
			s.Close(err)
			return
		}
	}
}

// A thousand false addresses cost a bounded number of dials, and the true one
// is found among them.
func TestFloodOfAddresses(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		began := time.Now()
		s := a.call(3).meet()
		go drain(s)
		for i := range 100 {
			var m message.Peers
			for j := range message.MaxAddresses {
				m.Members = append(m.Members, message.Address{Key: catalog.Key{1}, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(i), byte(j), 1}), 6881)})
			}
			m.Members[0].Addr = netip.MustParseAddrPort("127.0.0.1:22")
			s.Say(m)
			time.Sleep(10 * time.Millisecond)
		}
		a.join(b)
		time.Sleep(2 * time.Minute)
		if !a.connected(b.cfg.Identity.Key()) {
			t.Error("the true address is not found")
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.dials) > 1200 {
			t.Errorf("%d addresses dialled", len(p.dials))
		}
		if len(p.dials[netip.MustParseAddrPort("127.0.0.1:22")]) > 0 {
			t.Error("our own machine was dialled for somebody from outside")
		}
		total := 0
		for _, list := range p.dials {
			total += len(list)
		}
		// One burst, and what the other member dials himself.
		if most := int(time.Since(began).Seconds())*20 + 2*20; total > most {
			t.Errorf("%d dials in %v, want at most %d", total, time.Since(began), most)
		}
	})
}

// More members than connections: the longest idle goes, trusted ones stay.
func TestConnectionsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1, func(c *Config) {
			c.MaxConns = 6 // one of them for whom we dial
			c.Trusted = []catalog.Key{ident(10).Key()}
		})
		var all []*stranger
		for i := range 5 {
			s := a.call(10 + i).meet()
			go drain(s)
			all = append(all, s)
			time.Sleep(20 * time.Second)
		}
		all[1].Say(message.Heads{Heads: []catalog.Head{all[1].head(1, catalog.HashObject([]byte("d1:elee")))}})
		time.Sleep(time.Second)
		for i := range 4 {
			s := a.call(20 + i).meet()
			go drain(s)
			all = append(all, s)
			time.Sleep(time.Second)
		}
		var left []int
		for i, s := range all {
			if a.connected(s.id.Key()) {
				left = append(left, i)
			}
		}
		// The trusted one, and who was of use last; a new one is not closed for a newer.
		if !slices.Equal(left, []int{0, 5, 6, 7, 8}) && !slices.Equal(left, []int{0, 1, 5, 6, 7}) {
			t.Errorf("left are %v", left)
		}
		if n := len(left); n != 5 {
			t.Errorf("%d connections", n)
		}
	})
}

// Strangers who say nothing hold up nobody, and are gone after ten seconds.
func TestHalfOpenConnectionsHoldUpNobody(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		own := wire.Handshake{InfoHash: testKey.Rendezvous(), PeerID: [20]byte{1}}
		own.SetExtended()
		var over atomic.Int32
		for i := range 45 {
			s := a.call(i + 10)
			s.Queue(wire.AppendHandshake(nil, own))
			go func() {
				s.Drain()
				over.Add(1)
			}()
		}
		time.Sleep(time.Second)
		s := a.call(3).meet()
		go drain(s)
		time.Sleep(time.Second)
		if !a.connected(s.id.Key()) {
			t.Error("nobody gets in any more")
		}
		time.Sleep(gather.Time)
		if n := over.Load(); n != 45 {
			t.Errorf("%d of 45 were closed", n)
		}
	})
}

// The memory of a member under attack by thirty at once stays small.
func TestMemoryUnderFloods(t *testing.T) {
	a := newNode(t, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	for i := range 30 {
		go func() {
			defer func() { done <- struct{}{} }()
			c, err := a.Dial(t.Context(), a.addr())
			if err != nil {
				t.Error(err)
				return
			}
			s := newStranger(t, 100+i, c, a.addr())
			if err := s.greet(nil); err != nil {
				return
			}
			go drain(s)
			var sum message.Summary
			for j := range message.MaxVersions {
				sum.Versions = append(sum.Versions, catalog.Version{Key: catalog.Key{byte(i), byte(j), byte(j >> 8)}, Seq: 1})
			}
			for range 50 {
				if !s.Queue(ext(string(sum.Encode()))) || !s.Queue(ext("d1:d16384:"+rep("x", 16384)+"1:t6:objecte")) {
					return
				}
			}
		}()
	}
	for range 30 {
		<-done
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}
