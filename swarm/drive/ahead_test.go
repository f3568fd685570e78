package drive

import (
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

const day = 24 * time.Hour

// ahead makes a member whose clock is before everybody's.
func ahead(by time.Duration) func(*Config) {
	return func(c *Config) { c.Now = func() time.Time { return time.Now().Add(by) } }
}

// seenBy returns what nd knows of another member.
func (nd *pnode) seenBy(other *pnode) (m Member) {
	for _, m = range nd.Members() {
		if m.Key == other.cfg.Identity.Key() {
			return m
		}
	}
	return Member{}
}

// Whoever is connected is seen, whatever his clock says and ours; that the two
// differ is told.
func TestClocksThatDiffer(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"31 days behind": -31 * day, "31 days ahead": 31 * day, "29 years behind": -29 * 365 * day, "an hour ahead": time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				time.Sleep(30 * 365 * day)
				var log lockedLog
				a := pipeMember(t, p, 1, func(c *Config) { c.Log = log.logger() })
				b := pipeMember(t, p, 2, ahead(by))
				a.share(file("of a", 1))
				b.share(file("of b", 2))
				b.join(a)
				for range 5 { // longer than it takes until what has expired is looked for
					time.Sleep(time.Minute)
					if !a.has("of b") || !b.has("of a") {
						t.Fatalf("a sees b: %v, b sees a: %v", a.has("of b"), b.has("of a"))
					}
				}
				if got := a.seenBy(b).Ahead; (got - by).Abs() > 2*time.Second {
					t.Errorf("after five minutes b is ahead of a by %v, want %v", got, by)
				}
				a.share(file("later of a", 1))
				b.share(file("later of b", 2))
				time.Sleep(2 * time.Second)
				if !a.has("later of b") || !b.has("later of a") {
					t.Errorf("changes: a sees b's: %v, b sees a's: %v", a.has("later of b"), b.has("later of a"))
				}
				if got := a.seenBy(b).Ahead; (got - by).Abs() > 2*time.Second {
					t.Errorf("b is ahead of a by %v, want %v", got, by)
				}
				if got := b.seenBy(a).Ahead; (got + by).Abs() > 2*time.Second {
					t.Errorf("a is ahead of b by %v, want %v", got, -by)
				}
				if n := strings.Count(log.String(), "clock differs"); n != 1 {
					t.Errorf("%d lines of log: %s", n, log.String())
				}
			})
		})
	}
}

// A head of times long past is alive on its author's own connection, and dead
// when somebody else brings it.
func TestOldHeadOnItsAuthorsConnection(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		time.Sleep(100 * day)
		a := pipeMember(t, p, 1)
		empty := catalog.HashObject([]byte("d1:elee"))
		old := func(s *stranger, seq int64) catalog.Head {
			h, err := catalog.SignHead(s.id, testKey.Rendezvous(), seq, catalog.Summary{
				Root: empty, Time: time.Now().Add(-31 * day), Expires: time.Now().Add(-day), Name: "old"})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		s := a.call(3).meet()
		go drain(s)
		s.Say(message.Heads{Heads: []catalog.Head{old(&stranger{t: t, id: ident(77)}, 5)}})
		time.Sleep(time.Second)
		if n := len(a.View().Members()); n != 0 {
			t.Errorf("%d members are shown for another's word", n)
		}
		s.Say(message.Heads{Heads: []catalog.Head{old(s, 5)}})
		time.Sleep(2 * time.Minute) // longer than it takes until what has expired is looked for
		if list := a.View().Members(); len(list) != 1 || list[0].Key != s.id.Key() {
			t.Errorf("shown are %+v", list)
		}
	})
}
