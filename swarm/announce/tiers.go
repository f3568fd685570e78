package announce

import (
	"math/rand"
	"slices"
	"time"

	"p2pfs/swarm/tracker"
)

const (
	// maxTrackers bounds the trackers of a torrent.
	maxTrackers = 20
	// patience is how long a tracker is waited for before the next of its
	// tier has its turn: one try of BEP 15.
	patience = 15 * time.Second
)

// tiers says which trackers are to be asked now, about one infohash (BEP 12).
// Every tier has its turn at once, for tiers may have different peers. Of
// each only the first that works is asked: in an order shuffled once, in
// which one that answers while none before it does moves to the front. One
// that is slow stays asked, but the next is asked, too. When somebody waits
// for peers all are asked, so that no dead tracker is ever waited for.
type tiers struct {
	list  [][]*tracked // in the order of preference
	byURL map[string]*tracked
}

// tracked is what is known of one tracker.
type tracked struct {
	url     string
	tier    int
	asking  bool      // an announce is under way
	asked   time.Time // when the last one began
	works   bool      // the last one was answered
	fails   int       // unanswered ones in a row
	due     time.Time // of the next one, in the ordinary course
	soonest time.Time // of the next one, when somebody waits
	started bool      // it lists us
	whole   bool      // and knows that we have everything
	claim   bool      // the announce under way says that we have everything
	err     string    // what kept the last one from being answered; "" if nothing did
}

// newTiers makes the state of some tiers of trackers, of which those are left
// out that are no URL of a tracker, come again (in whatever spelling) or are
// too many.
func newTiers(groups [][]string, rng *rand.Rand) *tiers {
	t := &tiers{byURL: map[string]*tracked{}}
	seen := map[string]bool{}
	for _, urls := range groups {
		var tier []*tracked
		for _, url := range urls {
			id := tracker.Identity(url)
			if !seen[id] && len(t.byURL) < maxTrackers && tracker.ParseURL(url) == nil {
				seen[id] = true
				k := &tracked{url: url, tier: len(t.list)}
				t.byURL[url] = k
				tier = append(tier, k)
			}
		}
		if len(tier) > 0 {
			rng.Shuffle(len(tier), func(i, j int) { tier[i], tier[j] = tier[j], tier[i] })
			t.list = append(t.list, tier)
		}
	}
	return t
}

// next returns the announces that are due and takes them for sent; answered
// or failed must follow for each. urgent says that somebody waits for peers,
// whole that we have everything.
func (t *tiers) next(now time.Time, urgent, whole bool) []Ask {
	var out []Ask
	for _, tier := range t.list {
		for _, k := range tier {
			news := k.works && whole && !k.whole // it is to hear `completed`
			if !k.asking && (news || urgent && !now.Before(k.soonest)) {
				out = append(out, k.ask(now, whole))
			}
		}
		if k := turn(tier, now); k != nil {
			out = append(out, k.ask(now, whole))
		}
	}
	return out
}

// turn is the tracker of a tier that is to be asked in the ordinary course, nil
// if none is.
func turn(tier []*tracked, now time.Time) *tracked {
	for _, k := range tier {
		switch {
		case k.asking && now.Sub(k.asked) < patience:
			return nil
		case k.asking: // the next one
		case !now.Before(k.due):
			return k
		case k.works:
			return nil
		}
	}
	return nil
}

// ask takes an announce for sent.
func (k *tracked) ask(now time.Time, whole bool) Ask {
	k.asking, k.asked, k.claim = true, now, whole
	switch {
	case !k.started:
		return Ask{k.url, tracker.Started}
	case whole && !k.whole:
		return Ask{k.url, tracker.Completed}
	}
	return Ask{k.url, tracker.None}
}

// answered notes that a tracker answered and wants to be asked again after
// interval, or after soonest when somebody waits.
func (t *tiers) answered(k *tracked, now time.Time, interval, soonest time.Duration) {
	k.asking, k.works, k.fails, k.err = false, true, 0, ""
	k.started, k.whole = true, k.claim
	k.due, k.soonest = now.Add(interval), now.Add(min(interval, soonest))
	t.promote(k)
}

// promote moves a tracker to the front of its tier, unless one before it
// works.
func (t *tiers) promote(k *tracked) {
	tier := t.list[k.tier]
	for i, other := range tier {
		if other == k {
			copy(tier[1:], tier[:i])
			tier[0] = k
			return
		}
		if other.works {
			return
		}
	}
}

// failed notes that an announce came to nothing. The next one follows after wait in
// the ordinary course, or after soonest when somebody waits.
func (k *tracked) failed(now time.Time, wait, soonest time.Duration) {
	k.asking, k.works = false, false
	k.fails++
	k.due, k.soonest = now.Add(max(wait, soonest)), now.Add(soonest)
}

// keep drops all trackers but these, and returns what those that list us are to
// hear.
func (t *tiers) keep(groups [][]string, whole bool) [][]Ask {
	stay := map[string]bool{}
	for _, url := range slices.Concat(groups...) {
		stay[tracker.Identity(url)] = true
	}
	gone := &tiers{list: [][]*tracked{nil}}
	for i, tier := range t.list {
		t.list[i] = slices.DeleteFunc(tier, func(k *tracked) bool {
			if stay[tracker.Identity(k.url)] {
				return false
			}
			gone.list[0] = append(gone.list[0], k)
			delete(t.byURL, k.url)
			return true
		})
	}
	return gone.farewells(whole)
}

// farewells are what each tracker that lists us is to hear at the end, one
// after the other.
func (t *tiers) farewells(whole bool) (out [][]Ask) {
	for _, tier := range t.list {
		for _, k := range tier {
			if !k.started {
				continue
			}
			stopped := Ask{k.url, tracker.Stopped}
			if whole && !k.whole {
				out = append(out, []Ask{{k.url, tracker.Completed}, stopped})
			} else {
				out = append(out, []Ask{stopped})
			}
		}
	}
	return out
}
