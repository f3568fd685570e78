package drive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// bubble runs a test on a clock of its own, on which time passes only while
// everybody waits. A goroutine left behind fails it.
func bubble(t *testing.T, f func(t *testing.T, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newPipes()) })
}

// near reports whether a time is as expected, give or take a tick.
func near(got, want time.Duration) bool {
	return got >= want-time.Millisecond && got <= want+tickIdle
}

// idleTime is of silence until a connection is closed.
const idleTime = 150 * time.Second

func TestSilentAtTheHandshake(t *testing.T) {
	own := wire.Handshake{InfoHash: testKey.Rendezvous()}
	own.SetExtended()
	hs := wire.AppendHandshake(nil, own)
	for name, say := range map[string]func(s *stranger){
		"after the first handshake": func(s *stranger) { s.Queue(hs) },
		"after the extended one": func(s *stranger) {
			s.Queue(hs)
			s.Queue(extended())
		},
		"one keep-alive a second": func(s *stranger) {
			s.Queue(hs)
			go func() {
				for {
					if !s.Queue(wire.AppendKeepAlive(nil)) {
						return
					}
					select {
					case <-time.After(time.Second):
					case <-s.Done():
						return
					}
				}
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a := pipeMember(t, p, 1)
				s := a.call(2)
				say(s)
				d := s.untilClosed()
				s.hangUp()
				if !near(d, gather.Time) {
					t.Errorf("closed after %v, want %v", d, gather.Time)
				}
			})
		})
	}
}

// A member that we dial and that never answers costs ten seconds, not more.
func TestSilentListener(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		silent := netip.MustParseAddrPort("10.0.0.66:6881")
		p.host(silent, func(c net.Conn) {
			buf := make([]byte, 1<<10)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
			}
		})
		a.Swarm().Add([]netip.AddrPort{silent}, book.Before)
		a.join(b)
		time.Sleep(time.Second)
		if !a.connected(b.cfg.Identity.Key()) {
			t.Error("a silent address keeps others from being dialled")
		}
		time.Sleep(12 * time.Second)
		if n := len(p.dialled(silent)); n != 2 {
			t.Errorf("dialled %d times", n)
		}
	})
}

func TestSilentMemberIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		s := a.call(2).meet()
		time.Sleep(time.Second)
		if !a.connected(s.id.Key()) {
			t.Fatal("not connected")
		}
		if d := s.untilClosed(); d < idleTime-2*time.Second || d > idleTime+time.Second {
			t.Errorf("closed after %v, want %v", d, idleTime)
		}
		synctest.Wait() // the loop hears of it a moment later
		if a.connected(s.id.Key()) {
			t.Error("still listed as connected")
		}
	})
}

func TestQuietMembersStayConnected(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		a.join(b)
		time.Sleep(5 * time.Second)
		since := a.Members()[0].Since
		time.Sleep(30 * time.Minute)
		if m := a.Members()[0]; !m.Connected || m.Since != since {
			t.Errorf("got %+v", m)
		}
	})
}

// A member that takes requests and never answers delays them, no more.
func TestMemberThatNeverAnswersGet(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		tiny := []byte("tiny")
		h := catalog.HashObject(tiny)
		a := pipeMember(t, p, 1)
		s := a.call(3).meet()
		go drain(s)
		time.Sleep(time.Second)
		start := time.Now()
		got := make(chan time.Duration, 1)
		go func() {
			if data, err := a.Object(t.Context(), h, s.id.Key()); err != nil || string(data) != "tiny" {
				t.Errorf("got %q, %v", data, err)
			}
			got <- time.Since(start)
		}()
		b := pipeMember(t, p, 2, func(c *Config) {
			fakesOf(c).object = func(catalog.Hash) ([]byte, bool) { return tiny, true }
		})
		b.share(file("x", 1))
		a.join(b)
		if d := <-got; d > time.Second+tickIdle {
			t.Errorf("it took %v", d)
		}
		// Objects of catalogues too: the stranger says he has b's head.
		time.Sleep(time.Second)
		if !a.has("x") {
			t.Error("b's catalogue is not there")
		}
		b.share(file("y", 1))
		time.Sleep(6 * time.Second)
		if !a.has("y") {
			t.Error("b's new catalogue is not there")
		}
	})
}

func TestRedialBacksOff(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		nobody := netip.MustParseAddrPort("10.0.0.77:6881")
		a.Swarm().Add([]netip.AddrPort{nobody}, book.Before)
		time.Sleep(time.Hour)
		var gaps []time.Duration
		times := p.dialled(nobody)
		for i := 1; i < len(times); i++ {
			gaps = append(gaps, times[i].Sub(times[i-1]).Round(time.Second))
		}
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(gaps, want) {
			t.Errorf("gaps %v, want %v and then never", gaps, want)
		}
	})
}

func TestMemberThatComesBackIsFoundAgain(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2, func(c *Config) { engineOf(c).Dial = nil })
		a.join(b)
		time.Sleep(time.Minute)
		b.listen(false)
		b.post(t.Context(), call(func(l *loop) {
			for _, c := range l.conns.byID {
				c.net.Close(errors.New("cable cut"))
			}
		}))
		time.Sleep(20 * time.Minute)
		if a.connected(b.cfg.Identity.Key()) {
			t.Fatal("connected to a member who is not there")
		}
		b.listen(true)
		time.Sleep(31 * time.Second)
		if !a.connected(b.cfg.Identity.Key()) {
			t.Error("not found again")
		}
	})
}

// A member that reads nothing is closed, and nobody waits for him.
func TestMemberThatDoesNotRead(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		s := a.call(2).meet()
		b := pipeMember(t, p, 3)
		b.join(a)
		time.Sleep(time.Second)
		start := time.Now()
		for i := range 20 {
			a.share(file(fmt.Sprint(i), i))
			time.Sleep(600 * time.Millisecond)
			if !b.has(fmt.Sprint(i)) {
				t.Fatalf("revision %d did not reach the other member", i)
			}
		}
		if took := time.Since(start); took > 13*time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(30 * time.Second)
		if a.connected(s.id.Key()) {
			t.Error("still connected")
		}
	})
}

// Who changes his catalogue too often is heard at a bounded rate, and the last
// change is not lost.
func TestHeadsArePacedByAuthor(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		var views atomic.Int64
		b := pipeMember(t, p, 2, func(c *Config) { fakesOf(c).view = func(_, _ *union.View) { views.Add(1) } })
		a.join(b)
		time.Sleep(time.Second)
		for i := range 200 {
			a.share(file(fmt.Sprint(i), i))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		if !b.has("199") {
			t.Error("the last change is missing")
		}
		if n := views.Load(); n > 10+5*2 {
			t.Errorf("200 changes in 2 s were shown in %d steps", n)
		}
	})
}

func TestWhoWaitsNoLongerThanNeeded(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		root := catalog.Hash{1}
		a := pipeMember(t, p, 1)
		s := a.call(3).meet() // never answers
		go drain(s)
		time.Sleep(time.Second)
		start := time.Now()
		if list, err := a.Who(t.Context(), hashing.Content{Root: root, Size: 1}); err != nil || len(list) != 0 || !near(time.Since(start), 3*time.Second) {
			t.Errorf("got %v, %v after %v", list, err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.Who(ctx, hashing.Content{Root: catalog.Hash{2}, Size: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		b := pipeMember(t, p, 2, func(c *Config) {
			fakesOf(c).holders = func(hashing.Content) []Holder { return []Holder{{Pieces: Pieces{All: true}}} }
		})
		a.join(b)
		time.Sleep(time.Second)
		start = time.Now()
		list, err := a.Who(t.Context(), hashing.Content{Root: catalog.Hash{3}, Size: 1})
		if err != nil || len(list) != 1 || list[0].Addr != b.addr || time.Since(start) > 0 {
			t.Errorf("got %v, %v after %v", list, err, time.Since(start))
		}
		if list, err = a.Who(t.Context(), hashing.Content{Root: catalog.Hash{3}, Size: 1}); err != nil || len(list) != 1 {
			t.Errorf("again: got %v, %v", list, err)
		}
	})
}
