package drive

import (
	"fmt"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/hashing"
)

// headBy signs the head of an author who may be anybody.
func headBy(t testing.TB, author int, seq int64, root catalog.Hash) catalog.Head {
	t.Helper()
	h, err := catalog.SignHead(ident(author), testKey.Rendezvous(), seq, catalog.Summary{
		Root: root, Time: time.Now(), Expires: time.Now().Add(Life), Name: fmt.Sprintf("f%d", author)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// tell sends heads, as many in a message as there may be.
func (s *stranger) tell(list []catalog.Head) {
	for len(list) > 0 {
		n := min(len(list), message.MaxHeads)
		if !s.queue(message.Heads{Heads: list[:n]}) {
			return
		}
		list = list[n:]
	}
}

// serve answers gets with some objects until the connection ends, and says
// nothing of others.
func (s *stranger) serve(objects map[catalog.Hash][]byte) {
	for {
		m, err := s.Hear()
		if err != nil {
			s.Close(err)
			return
		}
		g, ok := m.(message.Get)
		for i := 0; ok && i < len(g.Hashes); i++ {
			if data := objects[g.Hashes[i]]; data != nil {
				s.queue(message.Object{Data: data})
			}
		}
	}
}

// within waits for a condition on the test's clock.
func within(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > limit {
			t.Errorf("not within %v: %s", limit, what)
			return
		}
	}
}

// bush is an object of 16 KB that names objects that nobody has.
func bush(n int) []byte {
	b := []byte("d1:el")
	for i := range 250 {
		h := catalog.Hash{1, byte(n), byte(n >> 8), byte(i), byte(i >> 8)}
		b = fmt.Appendf(append(append(b, "d1:c32:"...), h[:]...), "1:n4:%04de", i)
	}
	return append(b, "ee"...)
}

// Who publishes what he does not hand out delays his own files only: neither
// silence about one catalogue nor any number of them.
func TestUnansweredHeadsDelayNobodyElse(t *testing.T) {
	for _, count := range []int{1, 8, 200} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
				b.join(a)
				s := a.call(3).meet()
				objects := make(map[catalog.Hash][]byte)
				var list []catalog.Head
				for i := range count {
					data := bush(i)
					objects[catalog.HashObject(data)] = data
					list = append(list, headBy(t, 1000+i, 1, catalog.HashObject(data)))
				}
				list[0] = s.head(1, list[0].Root)
				go s.serve(objects)
				s.tell(list)
				time.Sleep(3 * time.Second)
				if a.wants() == 0 {
					t.Fatal("nothing is wanted: the test is wrong")
				}
				for i := range 10 {
					name := fmt.Sprintf("d%d/e/f%d", i, i)
					b.share(file(name, i))
					within(t, 2*time.Second, name, func() bool { return a.has(name) })
					time.Sleep(time.Second)
				}
			})
		})
	}
}

// A flood of fresh keys is charged to who sends it first: the next member hears
// the relay's own answers as before, and takes in members that the relay knows.
func TestFloodIsNotChargedToTheRelay(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		tiny := []byte("tiny")
		small := func(c *Config) { c.Limits = state.Limits{Absent: 1000, Known: 8000} }
		relay := pipeMember(t, p, 1, small, func(c *Config) {
			fakesOf(c).object = func(h catalog.Hash) ([]byte, bool) {
				if h != catalog.HashObject(tiny) {
					return nil, false
				}
				return tiny, true
			}
			fakesOf(c).holders = func(hashing.Content) []Holder { return []Holder{{Pieces: Pieces{All: true}}} }
		})
		next, friend := pipeMember(t, p, 2, small), pipeMember(t, p, 3)
		for _, nd := range []*pnode{next, friend} { // who know one another through the relay only
			nd.listen(false)
			nd.join(relay)
		}
		time.Sleep(time.Second)
		root := catalog.HashObject([]byte("d1:elee"))
		for i := range 2 {
			var list []catalog.Head
			for j := range 6000 {
				list = append(list, headBy(t, 1000+30_000*i+j, 1, root))
			}
			s := relay.call(100).meet()
			go drain(s)
			go s.tell(list)
		}
		for i := range 10 {
			time.Sleep(2 * time.Second)
			start := time.Now()
			if _, err := next.Object(t.Context(), catalog.HashObject(tiny)); err != nil {
				t.Fatal(err)
			}
			if list, err := next.Who(t.Context(), hashing.Content{Root: catalog.Hash{byte(i)}, Size: 1}); err != nil || len(list) != 1 {
				t.Errorf("holders: %v, %v", list, err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("answers of the relay took %v", took)
			}
			name := fmt.Sprint("f", i)
			friend.share(file(name, i))
			within(t, 3*time.Second, name, func() bool { return next.has(name) })
		}
	})
}

// Who passes on heads of others first, and then hands out his own objects but
// not theirs, delays nobody: their authors are asked.
func TestRelayThatKeepsObjectsBack(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		b.join(a)
		s, spy := a.call(3).meet(), b.call(4).meet()
		spy.Say(message.Summary{})
		go s.serve(nil)
		go func() { // what b says, s says at once too
			for {
				m, err := spy.Hear()
				if err != nil {
					return
				}
				if h, ok := m.(message.Heads); ok {
					s.Say(h)
				}
			}
		}()
		time.Sleep(time.Second)
		for i := range 10 {
			name := fmt.Sprintf("d%d/e/f%d", i, i)
			b.share(file(name, i))
			within(t, time.Second, name, func() bool { return a.has(name) })
			time.Sleep(time.Second)
		}
	})
}
