package drive

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"p2pfs/swarm/drive/message"
	"sync"
	"testing"
	"time"
)

// meetFrom opens a connection to nd from an address, as the member of that
// number, and goes through the handshake. Nil: it was not let in.
func (nd *pnode) meetFrom(from netip.Addr, n int) *stranger {
	nd.t.Helper()
	s := nd.callFrom(n, from.String())
	if s.g.greet(s.conn, nil, false) != nil {
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
		case <-s.done:
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
			a.AddPeers([]netip.AddrPort{addr})
		}
		time.Sleep(time.Minute)
		var honest []*pnode
		for i := range 4 {
			nd := pipeMember(t, p, 2+i, func(c *Config) { c.Dialer = nil })
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
	if s.g.greet(s.conn, &hs, false) == nil {
		s.net.SetReadDeadline(time.Time{})
		io.Copy(io.Discard, s.in)
	}
}

func testPlace(id int, group string, age time.Duration, now time.Time) place {
	return place{
		id: id, group: netip.MustParsePrefix(group), since: now.Add(-age), active: now.Add(-age),
	}
}

// Where no group has more than another, those keep their places who served what
// we needed, were met before or are here longest.
func TestWhoKeepsHisPlace(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var list []place
	for i := range 12 {
		list = append(list, testPlace(i, fmt.Sprintf("10.0.0.%d/32", i), time.Hour+time.Duration(i)*time.Minute, now))
	}
	list[0].served, list[1].served, list[2].served = 1000, 900, 800
	list[3].met, list[4].met = true, true
	newcomer := testPlace(99, "10.9.9.9/32", 0, now)
	gone := map[int]bool{}
	rule := places{max: 16} // of which four are for those whom we dial
	for range 20 {
		victim, err := rule.admit(list, newcomer, now)
		if err != nil {
			break
		}
		if victim < 0 {
			t.Fatal("admitted beyond the bound")
		}
		gone[victim] = true
		for i := range list {
			if list[i].id == victim {
				list[i] = testPlace(100+len(gone), fmt.Sprintf("10.1.0.%d/32", len(gone)), 0, now)
			}
		}
	}
	for _, id := range []int{0, 1, 2, 3, 4, 11} {
		if gone[id] {
			t.Errorf("%d had to go", id)
		}
	}
	if len(gone) == 0 || len(gone) > 6 {
		t.Errorf("gone are %v", gone)
	}
}

// The largest group makes room, its latest first; a newcomer of it does not get
// in at another's cost; whom we dial and whom we trust stays.
func TestTheLargestGroupMakesRoom(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var list []place
	for i := range 8 {
		list = append(list, testPlace(i, "192.0.2.0/24", time.Duration(60-i)*time.Second, now))
	}
	list[7].trusted = true
	for i := range 4 {
		list = append(list, testPlace(10+i, fmt.Sprintf("10.0.0.%d/32", i), time.Second, now))
	}
	for i := range 4 {
		x := testPlace(20+i, "192.0.2.0/24", time.Second, now)
		x.dialled = true
		list = append(list, x)
	}
	rule := places{max: 16}
	other := testPlace(99, "10.9.9.9/32", 0, now)
	if victim, err := rule.admit(list, other, now); victim != 6 || err != nil {
		t.Errorf("for a newcomer of another group: got %d, %v, want 6", victim, err)
	}
	same := testPlace(99, "192.0.2.0/24", 0, now)
	if victim, err := rule.admit(list, same, now); err == nil && (victim < 0 || victim > 6) {
		t.Errorf("for one of the same group %d goes", victim)
	}
	dialled := other
	dialled.dialled = true
	if _, err := rule.admit(list, dialled, now); err != ErrFull {
		t.Errorf("a fifth dialled one: %v", err)
	}
	if victim, err := rule.admit(list[:15], dialled, now); victim != -1 || err != nil {
		t.Errorf("a fourth dialled one: got %d, %v", victim, err)
	}
}

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
				m, err := s.read()
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
		if most := groupBurst + metBurst + 2 + int(time.Since(start).Seconds()*(groupPerS+metPerS)); told == 0 || told > most {
			t.Errorf("told %d times, want at most %d", told, most)
		}
		if s := a.meetFrom(loopback(1), 78); s == nil {
			t.Error("another address suffers")
		} else {
			expect[message.Summary](s)
		}
	})
}

func TestArrivalsOfManyGroupsAreBounded(t *testing.T) {
	a, now := newArrivals[netip.Prefix](groupPerS, groupBurst), time.Unix(1_700_000_000, 0)
	let := 0
	for i := range 3 * maxArrivals {
		if a.allow(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), now) {
			let++
		}
	}
	if len(a.of) > maxArrivals+1 || let > maxArrivals+groupBurst {
		t.Errorf("%d groups known, %d let in", len(a.of), let)
	}
	now = now.Add(2 * time.Minute)
	a.forget(now)
	if !a.allow(netip.MustParsePrefix("192.0.2.0/24"), now) || len(a.of) > 2 {
		t.Errorf("after a while: %d groups known", len(a.of))
	}
}
