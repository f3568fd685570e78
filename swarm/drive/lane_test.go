package drive

import (
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

var emptyRoot = catalog.HashObject([]byte("d1:elee"))

// crowded makes a member who has heard of many authors whom he never met, and
// has a friend. A second address group brought a few of them.
func crowded(t *testing.T, p *pipes, change ...func(*Config)) (relay, friend *pnode) {
	relay, friend = pipeMember(t, p, 1, change...), pipeMember(t, p, 3)
	friend.join(relay)
	friend.listen(false)
	for i, n := range []int{3000, 20} {
		var list []catalog.Head
		for j := range n {
			list = append(list, headBy(t, 1000*(1+5*i)+j, 1, emptyRoot))
		}
		s := relay.call(100 + i).meet()
		go drain(s)
		s.tell(list)
		time.Sleep(time.Second)
		s.hangUp()
	}
	friend.share(file("friends", 1))
	time.Sleep(2 * time.Second)
	if !relay.has("friends") {
		t.Error("the friend is not heard")
	}
	return relay, friend
}

// Who joins hears of connected members first, and then of all whom one address
// group brought after the other, by turns.
func TestHeadsOfConnectedMembersComeFirst(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		relay, friend := crowded(t, p)
		s := relay.call(4).meet()
		s.Say(message.Summary{})
		few, seen := 0, 0
		for first := true; few < 20; first = false {
			m := expect[message.Heads](s)
			for i, h := range m.Heads {
				if h.Key == friend.cfg.Identity.Key() && (!first || i > 0 || !m.Told[i].Met || m.Told[i].Age != 0) {
					t.Errorf("the friend's head is number %d, told is %+v", seen+i, m.Told[i])
				}
				for j := range 20 {
					if h.Key == ident(6000+j).Key() {
						few++
						if m.Told[i].Met {
							t.Error("vouched for one whom nobody has met")
						}
					}
				}
			}
			seen += len(m.Heads)
		}
		if seen > 200 {
			t.Errorf("the few whom a second group brought are through after %d of others", seen)
		}
		go drain(s)
	})
}

// An answer does not wait until all heads are through.
func TestAnswersPassHeads(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		tiny := []byte("tiny")
		relay, _ := crowded(t, p, func(c *Config) {
			fakesOf(c).object = func(x catalog.Hash) ([]byte, bool) { return tiny, true }
		})
		s := relay.call(4).meet()
		s.Say(message.Summary{})
		s.Say(message.Get{Hashes: []catalog.Hash{hash(1), hash(2), hash(3), hash(4)}})
		before, answers := 0, 0
		for answers < 4 {
			m, err := s.Hear()
			if err != nil {
				t.Fatal(err)
			}
			switch m.(type) {
			case message.Heads:
				before++
			case message.Object:
				answers++
			}
		}
		if before > 60 {
			t.Errorf("%d messages of heads, of 95, came before four answers", before)
		}
		go drain(s)
	})
}
