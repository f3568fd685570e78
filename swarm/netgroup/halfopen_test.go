package netgroup

import (
	"fmt"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
)

// lobby is a HalfOpen and what became of those who entered it.
type lobby struct {
	HalfOpen
	places map[string]*Place
	out    []string
}

// enter lets a connection called name in.
func (l *lobby) enter(from, name string) {
	if l.places == nil {
		l.places = map[string]*Place{}
	}
	l.places[name] = l.Enter(netip.MustParseAddr(from), func() { l.out = append(l.out, name) })
}

// group enters n connections of the k-th /24.
func (l *lobby) group(k, n int) {
	for i := range n {
		l.enter(fmt.Sprintf("203.%d.113.%d", k, i), fmt.Sprintf("%d/%d", k, i))
	}
}

func TestHalfOpenMakesRoom(t *testing.T) {
	for _, c := range []struct {
		name   string
		groups []int // how many of each enter
		next   int   // the group of the newcomer
		want   []string
	}{
		{"not full", []int{39}, 1, nil},
		{"one group has all", []int{40}, 1, []string{"0/0"}},
		{"a newcomer of the group that has all", []int{40}, 0, []string{"0/0"}},
		{"the largest goes first, not the oldest", []int{10, 25, 5}, 3, []string{"1/0"}},
		{"not the newcomer's own group", []int{30, 10}, 1, []string{"0/0"}},
		{"four of each but one", []int{4, 4, 4, 4, 4, 4, 4, 4, 3, 5}, 20, []string{"9/0"}},
		{"the newcomer's group has four", []int{4, 4, 4, 4, 4, 4, 4, 4, 4, 4}, 7, []string{"7/0"}},
		{"four of each", []int{4, 4, 4, 4, 4, 4, 4, 4, 4, 4}, 20, []string{"0/0"}},
	} {
		l := &lobby{}
		for k, n := range c.groups {
			l.group(k, n)
		}
		l.enter(fmt.Sprintf("203.%d.113.200", c.next), "new")
		if !slices.Equal(l.out, c.want) {
			t.Errorf("%s: %v made room, want %v", c.name, l.out, c.want)
		}
		if !l.places["new"].Leave() {
			t.Errorf("%s: the newcomer has no place", c.name)
		}
	}
}

func TestHalfOpenLeave(t *testing.T) {
	l := &lobby{}
	l.group(0, 40)
	if !l.places["0/3"].Leave() || l.places["0/3"].Leave() {
		t.Error("a place is not given back, or twice")
	}
	l.enter("198.51.100.1", "a")
	if len(l.out) > 0 || l.Len() != MaxHalfOpen {
		t.Errorf("%v made room where there was a place; %d taken", l.out, l.Len())
	}
	l.enter("198.51.100.1", "b")
	if l.places["0/0"].Leave() {
		t.Error("one who made room still has a place")
	}
}

// TestHalfOpenModel: whoever enters and leaves, nobody is lost while there is
// room, no more than there are places have one, and nobody of a small group goes
// while there is a large one.
func TestHalfOpenModel(t *testing.T) {
	for seed := range int64(50) {
		rng, l := rand.New(rand.NewSource(seed)), &lobby{}
		in := map[string]int{} // the group of those who have a place
		for n := range 600 {
			if rng.Intn(4) == 0 {
				for name := range in {
					if !l.places[name].Leave() {
						t.Fatalf("%s is lost", name)
					}
					delete(in, name)
					break
				}
				continue
			}
			k, name, full := rng.Intn(1+rng.Intn(14)), fmt.Sprint(n), len(in) == MaxHalfOpen
			l.out = nil
			l.enter(fmt.Sprintf("203.%d.113.%d", k, n%200), name)
			sizes := map[int]int{k: 1}
			for _, g := range in {
				sizes[g]++
			}
			largest := 0
			for _, s := range sizes {
				largest = max(largest, s)
			}
			if full != (len(l.out) == 1) {
				t.Fatalf("seed %d: %v made room for one, full: %t", seed, l.out, full)
			}
			for _, out := range l.out {
				if s := sizes[in[out]]; largest > keptHalfOpen && s != largest {
					t.Fatalf("seed %d: one of %d made room, the largest group has %d", seed, s, largest)
				}
				delete(in, out)
			}
			if in[name] = k; l.Len() != len(in) {
				t.Fatalf("seed %d: %d places taken, want %d", seed, l.Len(), len(in))
			}
		}
	}
}
