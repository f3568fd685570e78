package drive

import (
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/drive/message"
)

// told waits for an author's head, and returns what came with it.
func (s *stranger) told(k catalog.Key) catalog.Told {
	s.t.Helper()
	for {
		m := expect[message.Heads](s)
		for i, h := range m.Heads {
			if h.Key == k {
				return m.Told[i]
			}
		}
	}
}

// Who says of everybody that he is away for 29 days removes nobody: whoever
// knows better tells, also those who were told so already.
func TestLiarOf29DaysIsCorrected(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		const day = 24 * time.Hour
		a := pipeMember(t, p, 1)
		absent := headBy(t, 50, 1, emptyRoot)
		liar, witness, honest := a.call(3).meet(), a.call(4).meet(), a.call(5).meet()
		go drain(liar)
		witness.Say(message.Summary{})
		liar.Say(message.Heads{Heads: []catalog.Head{absent}, Told: []catalog.Told{{Age: 29 * day}}})
		if got := witness.told(absent.Key); got.Age < 29*day || got.Met {
			t.Errorf("the witness is told %+v", got)
		}
		// Where we know better, who has it wrong is told so, once.
		go drain(honest)
		honest.Say(message.Heads{Heads: []catalog.Head{absent}, Told: []catalog.Told{{Age: time.Hour}}})
		if got := witness.told(absent.Key); got.Age > 30*day/2 {
			t.Errorf("the witness is not told better: %+v", got)
		}
		late := a.call(6).meet()
		late.Say(message.Summary{Versions: []catalog.Version{{Key: absent.Key, Seq: 1, Age: 28 * day}}})
		if got := late.told(absent.Key); got.Age > 2*time.Hour {
			t.Errorf("one who comes with a wrong age is told %+v", got)
		}
		go drain(late)
		go drain(witness)
		for range 20 {
			liar.Say(message.Heads{Heads: []catalog.Head{absent}, Told: []catalog.Told{{Age: 29 * day}}})
			time.Sleep(time.Second)
		}
		for _, s := range []*stranger{liar, witness, honest, late} {
			s.hangUp()
		}
		time.Sleep(2 * day)
		if n := len(a.View().Members()); n != 1 {
			t.Errorf("%d members are shown", n)
		}
	})
}

// Fresh heads on a few connections do not make an absent author's sequence
// number forgotten, and those who know only his old head cannot bring it back.
func TestFloodIsNoRollback(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1, func(c *Config) { c.Limits = state.Limits{Absent: 50, Known: 400} })
		old, now := headBy(t, 50, 1, emptyRoot), headBy(t, 50, 2, emptyRoot)
		friend := a.call(3).meet()
		go drain(friend)
		friend.tell([]catalog.Head{now})
		time.Sleep(time.Second)
		friend.hangUp()
		var s *stranger
		for i := range 4 {
			var list []catalog.Head
			for j := range 400 {
				list = append(list, headBy(t, 1000*(i+1)+j, 1, emptyRoot))
			}
			s = a.call(100 + i).meet()
			go drain(s)
			s.tell(list)
			time.Sleep(time.Second)
		}
		s.tell([]catalog.Head{old})
		time.Sleep(time.Second)
		seq := make(chan int64, 1)
		a.post(t.Context(), call(func(l *loop) {
			h, _ := l.state.Authors.Head(old.Key)
			seq <- h.Seq
		}))
		if got := <-seq; got == old.Seq {
			t.Error("an old head was taken for news")
		}
	})
}
