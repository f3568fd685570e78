package drive

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/drive/message"
)

// meetFrom opens a connection to nd from an address, as the member of that
// number, and goes through the handshake. Nil: it was not let in.
func (nd *pnode) meetFrom(from netip.Addr, n int) *stranger {
	nd.t.Helper()
	s := nd.callFrom(n, from.String())
	if s.greet(nil) != nil {
		s.hangUp()
		return nil
	}
	return s
}

// crowd keeps n keys of one address connecting until the test's context ends.
func (nd *pnode) crowd(ctx context.Context, from netip.Addr, n int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				if s := nd.meetFrom(from, 5000+i); s != nil {
					over := context.AfterFunc(ctx, s.hangUp)
					drain(s)
					over()
					s.hangUp()
				}
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Second):
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

func loopback(n int) netip.Addr { return netip.AddrFrom4([4]byte{127, 1, byte(n), 7}) }

// One address with sixty keys neither evicts honest members nor keeps them out,
// whoever was first, nor takes the places of those whom we dial.
func TestOneAddressWithManyKeys(t *testing.T) {
	const honest = 20
	for name, attackFirst := range map[string]bool{"before the honest": true, "behind the honest": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a := pipeMember(t, p, 1)
				attack := func() func() {
					stop := a.crowd(t.Context(), netip.MustParseAddr("127.66.66.66"), 60)
					time.Sleep(20 * time.Second)
					return stop
				}
				stop := func() {}
				if attackFirst {
					stop = attack()
				}
				var members []*stranger
				for i := range honest {
					s := a.meetFrom(loopback(i), 100+i)
					if s == nil {
						t.Fatalf("honest member %d is not let in", i)
					}
					members = append(members, s)
					go drain(s)
					time.Sleep(300 * time.Millisecond)
				}
				if !attackFirst {
					time.Sleep(time.Minute)
					stop = attack()
				}
				time.Sleep(time.Minute)
				if n := closed(members); n > 0 {
					t.Errorf("%d of %d honest members were closed", n, honest)
				}
				b, c := pipeMember(t, p, 2), pipeMember(t, p, 3)
				a.join(b, c)
				time.Sleep(10 * time.Second)
				for _, nd := range []*pnode{b, c} {
					if !a.connected(nd.cfg.Identity.Key()) {
						t.Errorf("whom it dials does not get a place: %s", nd.cfg.Name)
					}
				}
				b.share(file("x", 1))
				time.Sleep(2 * time.Second)
				if !a.has("x") {
					t.Error("nothing is heard of whom it dialled")
				}
				stop()
				for _, s := range members {
					s.hangUp()
				}
			})
		})
	}
}

// closed counts the connections that have ended.
func closed(list []*stranger) (n int) {
	for _, s := range list {
		select {
		case <-s.Done():
			n++
		default:
		}
	}
	return n
}

// Sixty members who listen at one address do not take all the places that are
// for those whom we dial.
func TestOneAddressThatListensForManyKeys(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		var strangers sync.WaitGroup
		for i := range 60 {
			addr := netip.AddrPortFrom(netip.MustParseAddr("127.66.66.66"), uint16(2000+i))
			p.host(addr, func(c net.Conn) {
				defer c.Close()
				strangers.Add(1)
				defer strangers.Done()
				answerAs(t, c, 5000+i)
			})
			a.Swarm().Add([]netip.AddrPort{addr}, book.Before)
		}
		time.Sleep(time.Minute)
		var honest []*pnode
		for i := range 4 {
			nd := pipeMember(t, p, 2+i, func(c *Config) { engineOf(c).Dial = nil })
			honest = append(honest, nd)
			a.join(nd)
		}
		time.Sleep(time.Minute)
		for _, nd := range honest {
			if !a.connected(nd.cfg.Identity.Key()) {
				t.Errorf("%s was not dialled", nd.cfg.Name)
			}
		}
		a.Close()
		strangers.Wait()
	})
}

// answerAs plays member n, who was dialled, until the connection ends.
func answerAs(t *testing.T, c net.Conn, n int) {
	s := newStranger(t, n, c, netip.AddrPort{})
	defer s.hangUp()
	hs, err := readTestHandshake(c)
	if err != nil {
		return
	}
	if s.greet(&hs) == nil {
		s.nc.SetReadDeadline(time.Time{})
		s.Drain()
	}
}

// Where no group has more than another, those keep their places who served what
// we needed, were met before or are here longest.
// The largest group makes room, its latest first; a newcomer of it does not get
// in at another's cost; whom we dial and whom we trust stays.
// Whoever connects again and again is told what heads there are now and then only.
func TestOneAddressThatComesAgainAndAgain(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		from := netip.MustParseAddr("127.66.66.66")
		start, told := time.Now(), 0
		for range 1000 {
			s := a.meetFrom(from, 77)
			if s == nil {
				continue
			}
			for { // until it closes or tells
				m, err := s.Hear()
				if _, ok := m.(message.Summary); ok {
					told++
				}
				if m != nil || err != nil {
					break
				}
			}
			s.hangUp()
			time.Sleep(20 * time.Millisecond)
		}
		if most := 40 + 10 + 2 + int(time.Since(start).Seconds()*0.6); told == 0 || told > most {
			t.Errorf("told %d times, want at most %d", told, most)
		}
		if s := a.meetFrom(loopback(1), 78); s == nil {
			t.Error("another address suffers")
		} else {
			expect[message.Summary](s)
		}
	})
}
