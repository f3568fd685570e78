package announce

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
)

// TestMinInterval: a tracker that wants to be let be is, but not for longer than
// atLeast while somebody waits.
func TestMinInterval(t *testing.T) {
	urgent, now := Torrent().Urgent, time.Unix(1000, 0)
	for least, want := range map[time.Duration]time.Duration{0: urgent, time.Second: urgent, time.Minute: time.Minute, time.Hour: atLeast} {
		a := drawn("a")
		a.Due(now, true, false)
		a.Answered(trackerURL("a"), tracker.Response{Interval: time.Hour, MinInterval: least}, now)
		if got := a.tiers.byURL[trackerURL("a")].soonest.Sub(now); got != want {
			t.Errorf("%v: asked again after %v, want %v", least, got, want)
		}
	}
}

// TestPaceOfADrive: while a member is alone a tracker that fails is asked again
// after 2, 4, 8 ... seconds, one that answers each half a minute; and a member who
// is not alone asks one that fails each half a minute.
func TestPaceOfADrive(t *testing.T) {
	for name, c := range map[string]struct {
		urgent bool
		want   string
	}{
		"alone":     {true, "0s 2s 6s 14s 30s 1m0s 1m30s"},
		"not alone": {false, "0s 30s 1m0s 1m30s"},
	} {
		a, began := drawn("a"), time.Unix(1000, 0)
		a.pace = Drive()
		var asked []string
		for d := time.Duration(0); d <= 90*time.Second; d += time.Second {
			for _, ask := range a.Due(began.Add(d), c.urgent, false) {
				asked = append(asked, d.String())
				a.Failed(ask.URL, errors.New("no"), began.Add(d))
			}
		}
		if got := strings.Join(asked, " "); got != c.want {
			t.Errorf("%s: asked after %s, want %s", name, got, c.want)
		}
	}
	a, now := drawn("a"), time.Unix(1000, 0)
	a.pace = Drive()
	a.Due(now, true, false)
	a.Answered(trackerURL("a"), tracker.Response{Interval: time.Hour}, now)
	if n := len(a.Due(now.Add(29*time.Second), true, false)); n != 0 {
		t.Error("asked again too soon")
	}
	if a.Kick(now); len(a.Due(now.Add(time.Second), false, false)) != 1 {
		t.Error("not asked when kicked")
	}
	a.Kick(now)
	if n := len(a.Due(now.Add(time.Second), true, false)); n != 0 {
		t.Error("asked twice at a time")
	}
}

func TestTrackers(t *testing.T) {
	a, now := drawn("a|b"), time.Unix(1000, 0)
	if got := fmt.Sprint(a.Trackers(), a.Trouble()); got != "[{udp://a:1  false} {udp://b:1  false}]" {
		t.Errorf("at first: %s", got)
	}
	a.Due(now, true, false)
	a.Answered(trackerURL("a"), tracker.Response{Interval: time.Hour}, now)
	if !a.Unanswered(trackerURL("b"), 1) || a.Unanswered(trackerURL("b"), 2) || a.Unanswered("udp://z:1", 1) {
		t.Error("the first try without an answer is news, no other is")
	}
	if a.Failed(trackerURL("b"), errors.New("no"), now) || a.Failed("udp://z:1", errors.New("no"), now) {
		t.Error("a failure after tries without an answer is news, or a stranger's")
	}
	if got := fmt.Sprint(a.Trackers()); got != "[{udp://a:1  true} {udp://b:1 no true}]" || a.Trouble() != "tracker udp://b:1: no" {
		t.Errorf("then %s, %s", got, a.Trouble())
	}
	if a.Answered("udp://z:1", tracker.Response{}, now) {
		t.Error("a stranger is one of ours")
	}
}
