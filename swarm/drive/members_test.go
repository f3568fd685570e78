package drive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// Two members who dial each other in the same instant keep one connection, the
// one that the smaller key dialled.
func TestBothDialInTheSameInstant(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		p.delay = 10 * time.Millisecond // neither has heard of the other before he dials
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		go a.join(b)
		go b.join(a)
		time.Sleep(5 * time.Second)
		dialled := func(nd *pnode) (list []bool) {
			result := make(chan []bool, 1)
			nd.post(t.Context(), call(func(l *loop) {
				var list []bool
				for _, c := range l.conns.byID {
					list = append(list, c.net.Dialled.IsValid())
				}
				result <- list
			}))
			return <-result
		}
		x, y := dialled(a), dialled(b)
		if len(x) != 1 || len(y) != 1 || x[0] == y[0] {
			t.Fatalf("got %v and %v", x, y)
		}
		if smaller := a.cfg.Identity.Key().String() < b.cfg.Identity.Key().String(); x[0] != smaller {
			t.Error("the connection dialled by the larger key stayed")
		}
	})
}

// A restored backup: others have a newer head of ours. It is overtaken as soon
// as it is seen.
func TestOwnHigherHeadIsOvertaken(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		ahead := (&stranger{t: t, id: ident(1)}).head(time.Now().Add(time.Hour).UnixMilli(), catalog.HashObject([]byte("d1:elee")))
		s := b.call(3).meet()
		go drain(s)
		s.Say(message.Summary{})
		s.Say(message.Heads{Heads: []catalog.Head{ahead}})
		time.Sleep(time.Second)
		a.share(file("x", 1))
		b.join(a)
		time.Sleep(time.Second)
		if !b.has("x") {
			t.Error("the new revision is not shown")
		}
		for _, m := range b.View().Members() {
			if m.Key == ahead.Key && m.Seq != ahead.Seq+1 {
				t.Errorf("seq %d, want %d", m.Seq, ahead.Seq+1)
			}
		}
	})
}

// Members learn where others listen from those who have verified it, and only
// what was verified is passed on.
func TestAddressesArePassedOn(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		b := pipeMember(t, p, 2)
		liar := a.call(66).meet() // says that he listens, and does not
		go drain(liar)
		b.join(a)
		time.Sleep(2 * time.Second)
		c := pipeMember(t, p, 3, func(c *Config) { engineOf(c).Port = 0 })
		var told []netip.AddrPort
		s := a.call(4).meet()
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			for {
				m, err := s.Hear()
				if err != nil {
					return
				}
				if m, ok := m.(message.Peers); ok {
					for _, x := range m.Members {
						told = append(told, x.Addr)
					}
				}
			}
		}()
		c.join(a)
		time.Sleep(2 * time.Second)
		if !c.connected(b.cfg.Identity.Key()) {
			t.Error("the third has not found the second")
		}
		s.hangUp()
		<-heard
		if !slices.Contains(told, b.addr) || slices.Contains(told, netip.MustParseAddrPort("10.0.1.66:6881")) {
			t.Errorf("told %v", told)
		}
	})
}

// Heads of many authors pass through one member to another in batches.
func TestManyHeads(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		empty := catalog.HashObject([]byte("d1:elee"))
		const authors = 1500
		s := a.call(3).meet()
		go drain(s)
		for i := 0; i < authors; i += 50 {
			var m message.Heads
			for j := range 50 {
				m.Heads = append(m.Heads, (&stranger{t: t, id: ident(1000 + i + j)}).head(1, empty))
			}
			s.Say(m)
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if n := len(a.View().Members()); n != authors {
			t.Fatalf("%d of %d heads were taken", n, authors)
		}
		b.join(a)
		time.Sleep(time.Second)
		if n := len(b.View().Members()); n != authors {
			t.Errorf("%d of %d heads were passed on", n, authors)
		}
		// And back: nothing is sent that the other has.
		b.share(file("x", 1))
		time.Sleep(time.Second)
		if !a.has("x") {
			t.Error("a new head is not passed on")
		}
	})
}

// A catalogue is fetched from several members at once, and goes on when one of
// them leaves in the middle.
func TestFetchFromSeveralMembers(t *testing.T) {
	a, b, c := newNode(t, 1), newNode(t, 2), newNode(t, 3)
	var files []catalog.File
	for i := range 20_000 {
		files = append(files, file(fmt.Sprintf("dir %d/e%d/name %d", i%40, i%11, i), i))
	}
	a.share(files...)
	b.join(a)
	b.untilHas("dir 0/e0/name 0")
	c.join(a, b)
	c.untilConnected(b)
	a.halt()
	c.untilHas("dir 0/e0/name 0")
	if n := len(c.View().Members()); n != 1 {
		t.Errorf("%d members are shown", n)
	}
	a.start()
}

func TestRejoinKeepsTrusted(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		b := pipeMember(t, p, 2)
		a := pipeMember(t, p, 1, func(c *Config) { c.Trusted = []catalog.Key{b.cfg.Identity.Key()} })
		a.join(b)
		b.share(file("x", 1))
		time.Sleep(time.Second)
		list := a.Members()
		if len(list) != 1 || !list[0].Trusted || !list[0].Connected || !list[0].Shown || list[0].Files != 1 || list[0].Addr != b.addr {
			t.Errorf("got %+v", list)
		}
	})
}

// onlyDialer reaches one address.
type onlyDialer struct {
	dial dialFunc
	addr netip.AddrPort
}

func (d onlyDialer) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	if a != d.addr {
		return nil, errors.New("no route")
	}
	return d.dial(ctx, a)
}

// Members in a row, each connected to his neighbours only: heads and objects go
// through all, though those in between get them at the same time themselves.
func TestRelay(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		var row []*pnode
		for i := range 5 {
			row = append(row, pipeMember(t, p, 1+i, func(c *Config) {
				if engineOf(c).Dial = nil; i > 0 {
					engineOf(c).Dial = onlyDialer{pipeDialer{p, netip.AddrPort{}}.Dial, row[i-1].addr}.Dial
				}
			}))
			if i > 0 {
				row[i].join(row[i-1])
			}
		}
		time.Sleep(time.Second)
		var files []catalog.File
		for i := range 3000 {
			files = append(files, file(fmt.Sprintf("d%d/e%d/f%d", i%10, i%3, i), i))
		}
		row[0].share(files...)
		time.Sleep(2 * time.Second)
		for i, nd := range row {
			if !nd.has("d0/e0/f0") {
				t.Errorf("member %d has nothing after two seconds", i)
			}
		}
	})
}
