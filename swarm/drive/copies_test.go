package drive

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/hello"
	"p2pfs/swarm/drive/message"
)

// twin is a member whose key another one has too, and what it was told of that.
type twin struct {
	*pnode
	log  lockedLog
	told chan Copy
}

// newTwin starts member 1 at the address of member n.
func newTwin(t *testing.T, p *pipes, n int, change ...func(*Config)) *twin {
	tw := &twin{told: make(chan Copy, 10)}
	change = append(change, func(c *Config) {
		c.Identity, c.Log = ident(1), tw.log.logger()
		fakesOf(c).copied = func(x Copy) { tw.told <- x }
	})
	tw.pnode = pipeMember(t, p, n, change...)
	return tw
}

// knows checks what a twin says of the other.
func (tw *twin) knows(t *testing.T, name string, yield bool) {
	t.Helper()
	c, ok := tw.Copy()
	if !ok || c.Yield != yield {
		t.Errorf("%s: got %+v, %v, want one with Yield %v", name, c, ok, yield)
	}
	if n := strings.Count(tw.log.String(), "another p2pfs has our member key"); n != 1 {
		t.Errorf("%s: %d lines of log: %s", name, n, tw.log.String())
	}
	select {
	case c := <-tw.told:
		if c.Yield != yield {
			t.Errorf("%s: told %+v", name, c)
		}
	default:
		t.Errorf("%s: not told", name)
	}
	if len(tw.told) > 0 {
		t.Errorf("%s: told more than once: %+v", name, <-tw.told)
	}
}

func moved(c *Config) { c.Moved = true }

// Two processes with one key find out, whether they meet or only see each
// other's heads through others, and agree on which is to make a new one.
func TestOneKeyInTwoProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		first, second func(*Config)
		firstYields   bool
	}{
		"neither has moved":       {func(*Config) {}, func(*Config) {}, false},
		"the later one has moved": {func(*Config) {}, moved, false},
		"the first one has moved": {moved, func(*Config) {}, true},
		"both have moved":         {moved, moved, false},
	} {
		t.Run(name+", they meet", func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				x := newTwin(t, p, 11, c.first)
				time.Sleep(time.Second)
				y := newTwin(t, p, 12, c.second)
				x.join(y.pnode)
				time.Sleep(10 * time.Second)
				x.knows(t, "the first", c.firstYields)
				y.knows(t, "the second", !c.firstYields)
			})
		})
		t.Run(name+", another knows both", func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				b := pipeMember(t, p, 2, func(c *Config) { engineOf(c).Dial = nil })
				only := func(c *Config) { engineOf(c).Dial = onlyDialer{engineOf(c).Dial, b.addr}.Dial }
				x := newTwin(t, p, 11, c.first, only)
				time.Sleep(time.Second)
				y := newTwin(t, p, 12, c.second, only)
				x.share(file("x", 1))
				time.Sleep(time.Second)
				y.share(file("y", 2))
				x.join(b)
				y.join(b)
				time.Sleep(3 * time.Minute)
				x.knows(t, "the first", c.firstYields)
				y.knows(t, "the second", !c.firstYields)
			})
		})
	}
}

// A restored backup finds heads of its own that it does not remember, one after
// another, and an old one of them may be brought again: that is no copy.
func TestRestoredBackupIsNoCopy(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		time.Sleep(day)
		empty := catalog.HashObject([]byte("d1:elee"))
		before := func(seq int64) catalog.Head {
			h, err := catalog.SignHead(ident(1), testKey.Rendezvous(), seq, catalog.Summary{
				Root: empty, Time: time.Now().Add(-time.Hour), Expires: time.Now().Add(Life), Name: "x",
				Began: time.Now().Add(-2 * time.Hour).UnixMicro()})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		var lost []catalog.Head
		for i := range 5 {
			lost = append(lost, before(time.Now().Add(time.Duration(i)*time.Minute).UnixMilli()))
		}
		a := newTwin(t, p, 11)
		a.share(file("x", 1))
		for i, h := range lost {
			s := a.call(20 + i).meet()
			go drain(s)
			s.Say(message.Heads{Heads: []catalog.Head{h}})
			time.Sleep(20 * time.Second)
		}
		if c, ok := a.Copy(); ok {
			t.Errorf("takes itself for a copy: %+v", c)
		}
		if got := a.View().Members(); len(got) != 1 || got[0].Seq <= lost[4].Seq {
			t.Errorf("own head is not ahead of %d: %+v", lost[4].Seq, got)
		}
	})
}

// found notes which copies are said to be there, and acted on.
type found struct{ logged, acted []Copy }

func (f *found) copies(began int64) copies {
	return copies{
		self: hello.Process{Began: began},
		log:  func(c Copy) { f.logged = append(f.logged, c) },
		act:  func(c Copy) bool { f.acted = append(f.acted, c); return true },
	}
}

// Whoever passes our own handshake back to us is no copy.
func TestOwnHelloReturnedIsNoCopy(t *testing.T) {
	var f found
	c := f.copies(5)
	h := catalog.Head{Summary: catalog.Summary{Began: 5, Time: time.Unix(100, 0)}}
	for i := range 3 {
		c.overtook(h, time.Unix(100+int64(i), 0))
	}
	if len(f.logged) > 0 || c.found != nil {
		t.Errorf("found %+v", c.found)
	}
}

// TestCopySeenAllTheTime: a copy whose heads are seen each second is acted on all
// the same, once.
func TestCopySeenAllTheTime(t *testing.T) {
	var f found
	c, now := f.copies(2), time.Unix(1_700_000_000, 0)
	for range 100 {
		c.met(hello.Process{Began: 1}, netip.AddrPort{}, now)
		c.tell(now)
		now = now.Add(time.Second)
	}
	if len(f.acted) != 1 || len(f.logged) != 1 || !f.acted[0].Yield {
		t.Errorf("said %+v, acted on %+v; want once each, and that who began later is to yield", f.logged, f.acted)
	}
}
