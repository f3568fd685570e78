// Package announce says which trackers of one swarm are to be told of us now, and
// of what: of a torrent's infohash and of a drive's alike (BEP 3, 12).
//
// It is pure: it opens no connection, has no goroutine, lock or clock, and an
// Announcer belongs to whoever made it. He sends what is due, each announce from
// where it may take its time, and tells how it went. It does not know who waits for
// peers, nor what is done with those that come.
package announce

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand"
	"time"

	"p2pfs/swarm/tracker"
)

const (
	// atLeast is as often as a tracker is asked while somebody waits, however
	// rarely it wants to be.
	atLeast = 2 * time.Minute
	// refusedEvery and notServedEvery are how often one is asked that refused us,
	// and one that does not serve the infohash.
	refusedEvery   = time.Minute
	notServedEvery = 15 * time.Minute
)

// Pace is how often a tracker is asked when nothing is known of what it wants.
type Pace struct {
	// Urgent is how often while somebody waits for peers, unless it wants to be
	// asked less often.
	Urgent time.Duration
	// FirstRetry is how soon after a failure while somebody waits: twice as long
	// with each in a row, to Urgent.
	FirstRetry time.Duration
	// Retry is how soon after a failure when nobody waits: twice as long with each
	// in a row, to MaxRetry.
	Retry, MaxRetry time.Duration
}

// Torrent and Drive are the paces of the two: a member who is alone has nobody to
// tell him of others, and waits for as long as that is so.
func Torrent() Pace {
	return Pace{Urgent: 15 * time.Second, FirstRetry: 15 * time.Second, Retry: time.Minute, MaxRetry: 15 * time.Minute}
}

// Drive is the pace of a drive: see Torrent.
func Drive() Pace {
	return Pace{Urgent: 30 * time.Second, FirstRetry: 2 * time.Second, Retry: 30 * time.Second, MaxRetry: 30 * time.Second}
}

// An Announcer says what is due for one infohash.
type Announcer struct {
	tiers *tiers
	pace  Pace
}

// An Ask is an announce that is to be sent.
type Ask struct {
	URL   string
	Event tracker.Event
}

// New makes an Announcer for some tiers of trackers. Those are left out that are no
// URL of a tracker, come again, or are more than 20. rng shuffles each tier.
func New(groups [][]string, pace Pace, rng *rand.Rand) *Announcer {
	return &Announcer{newTiers(groups, rng), pace}
}

// Due returns the announces that are to be sent now and takes them for sent:
// Answered or Failed must follow for each. urgent says that somebody waits for
// peers, whole that we have everything.
func (a *Announcer) Due(now time.Time, urgent, whole bool) []Ask {
	return a.tiers.next(now, urgent, whole)
}

// Answered takes in what a tracker answered. False: it is none of ours any more,
// and is to be told that we stopped.
func (a *Announcer) Answered(url string, res tracker.Response, now time.Time) (ours bool) {
	k := a.tiers.byURL[url]
	if k != nil {
		a.tiers.answered(k, now, res.Interval, max(a.pace.Urgent, min(res.MinInterval, atLeast)))
	}
	return k != nil
}

// Failed takes in that an announce came to nothing, and reports whether that is
// news: the one before did not.
func (a *Announcer) Failed(url string, err error, now time.Time) (news bool) {
	k := a.tiers.byURL[url]
	if k == nil {
		return false
	}
	news = k.err == ""
	k.err = err.Error()
	soonest := max(min(a.pace.FirstRetry<<min(k.fails, 10), a.pace.Urgent), rest(err))
	k.failed(now, min(a.pace.Retry<<min(k.fails, 10), a.pace.MaxRetry), soonest)
	return news
}

// rest is how long a tracker is let be after an error, whoever waits.
func rest(err error) time.Duration {
	var refused *tracker.Refusal
	switch {
	case errors.Is(err, tracker.ErrNotServed):
		return notServedEvery
	case errors.As(err, &refused):
		return refusedEvery
	}
	return 0
}

// Unanswered takes in that an announce which goes on had no answer yet, and reports
// whether that is news.
func (a *Announcer) Unanswered(url string, tries int) (news bool) {
	k := a.tiers.byURL[url]
	if k != nil {
		news = k.err == ""
		k.err = fmt.Sprintf("no answer after %d tries", tries)
	}
	return news
}

// Kick has all trackers asked that are not being asked now: one of them is known
// to have lost its list.
func (a *Announcer) Kick(now time.Time) {
	for _, k := range a.tiers.byURL {
		k.due, k.soonest = now, now
	}
}

// Keep drops all trackers but these, and returns what those that list us are to
// hear, each list to one of them in its order.
func (a *Announcer) Keep(groups [][]string, whole bool) [][]Ask { return a.tiers.keep(groups, whole) }

// Farewells are what each tracker that lists us is to hear at the end.
func (a *Announcer) Farewells(whole bool) [][]Ask { return a.tiers.farewells(whole) }

// A Tracker is what is known of one.
type Tracker struct {
	URL   string
	Err   string // what kept it from answering last; "" if nothing did
	Asked bool   // it answered or failed at least once
}

// Trackers are all trackers, in the order of preference.
func (a *Announcer) Trackers() (out []Tracker) {
	for _, tier := range a.tiers.list {
		for _, k := range tier {
			out = append(out, Tracker{k.url, k.err, k.started || k.err != ""})
		}
	}
	return out
}

// Trouble says what a tracker that does not answer says, for somebody who waits; ""
// where all do.
func (a *Announcer) Trouble() (trouble string) {
	for _, t := range a.Trackers() {
		if t.Err != "" {
			trouble = cmp.Or(trouble, fmt.Sprintf("tracker %s: %s", t.URL, t.Err))
		}
	}
	return trouble
}
