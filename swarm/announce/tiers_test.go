package announce

import (
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
)

// trackerURL is the URL of a tracker that tests call by one letter.
func trackerURL(name string) string { return "udp://" + name + ":1" }

// drawn makes an Announcer of a drawing of tiers such as "a b|c", in that order.
func drawn(s string) *Announcer {
	var groups [][]string
	for _, tier := range strings.Split(s, "|") {
		var urls []string
		for _, name := range strings.Fields(tier) {
			urls = append(urls, trackerURL(name))
		}
		groups = append(groups, urls)
	}
	a := New(groups, Torrent(), rand.New(rand.NewSource(1)))
	for _, tier := range a.tiers.list {
		slices.SortFunc(tier, func(a, b *tracked) int { return strings.Compare(a.url, b.url) })
	}
	return a
}

// draw writes asks: a+ for started, a! for completed, a- for stopped.
func draw(asks []Ask) string {
	var out []string
	for _, a := range asks {
		name := strings.TrimSuffix(strings.TrimPrefix(a.URL, "udp://"), ":1")
		out = append(out, name+map[tracker.Event]string{tracker.Started: "+", tracker.Completed: "!", tracker.Stopped: "-"}[a.Event])
	}
	return strings.Join(out, " ")
}

// TestTiers plays scripts: at a time, something happens. "ask" and "hurry" are
// calls of Due, of which the latter is urgent, with what is to be asked;
// "whole" makes those that follow say that we have everything. A tracker that
// answers wants to be asked after 30 minutes, or 15 seconds where somebody
// waits.
func TestTiers(t *testing.T) {
	for _, c := range []struct {
		name, tiers string
		script      []string
	}{
		{"the first of each tier", "a b|c d", []string{
			"0s ask a+ c+", "0s ask", "1s ok a", "1s ok c", "29m ask", "30m1s ask a c", "30m2s ask",
		}},
		{"a failure passes the turn on at once", "a b c|d", []string{
			"0s ask a+ d+", "1s fail a", "1s ask b+", "2s fail b", "2s ask c+", "3s ok c", "3s ok d", "20m ask", "30m3s ask c d",
		}},
		{"who answered is first from now on", "a b", []string{
			"0s ask a+", "0s fail a", "0s ask b+", "1s ok b", "30m1s ask b", "30m2s fail b", "30m2s ask a+", "30m3s ok a", "60m3s ask a",
		}},
		{"a slow one is not waited for", "a b", []string{
			"0s ask a+", "14s ask", "15s ask b+", "16s ok b", "5m ask", "10m ok a", "30m16s ask b",
		}},
		{"a slow one may still be the first", "a b", []string{
			"0s ask a+", "15s ask b+", "20s ok a", "20s ask", "21s fail b", "30m20s ask a",
		}},
		{"all fail: asked ever more rarely", "a b", []string{
			"0s ask a+", "0s fail a", "0s ask b+", "0s fail b", "59s ask", "1m ask a+", "1m fail a", "1m ask b+", "1m fail b",
			"2m59s ask", "3m ask a+", "3m fail a", "3m ask b+", "3m fail b", "6m59s ask", "7m ask a+",
		}},
		{"somebody waits: all at once", "a b|c d e", []string{
			"0s hurry a+ b+ c+ d+ e+", "0s ok e", "1s fail a", "1s ok b", "2s hurry", "15s hurry e", "16s hurry b a+",
		}},
		{"then one of each tier again", "a b|c d", []string{
			"0s hurry a+ b+ c+ d+", "0s ok d", "1s ok c", "1s fail a", "2s ok b", "30m ask d", "30m2s ask b", "30m2s ok b", "30m2s ok d", "59m ask",
		}},
		{"somebody waits: a slow one does not matter", "a b|c", []string{
			"0s ask a+ c+", "0s hurry b+", "1m hurry", "1m ok b", "1m ok c", "1m15s hurry b c",
		}},
		{"refused: let be, whoever waits", "a b", []string{
			"0s hurry a+ b+", "0s refuse a", "0s ok b", "15s hurry b", "59s hurry", "1m hurry a+",
		}},
		{"not served: let be for long", "a", []string{
			"0s ask a+", "0s unserved a", "14m ask", "14m hurry", "15m ask a+",
		}},
		{"completed is told at once, once, to those that list us", "a b|c|d", []string{
			"0s ask a+ c+ d+", "0s ok a", "1s ok c", "2s fail d", "3s whole", "3s ask a! c!", "3s ask", "4s ok a", "5s fail c", "6s ask",
			"1m5s ask c! d+", "1m6s ok c", "1m7s ok d", "20m ask", "30m4s ask a",
		}},
		{"whole from the start: completed is not told", "a", []string{
			"0s whole", "0s ask a+", "1s ok a", "2s ask", "30m1s ask a",
		}},
		{"whole while asked: completed is told", "a", []string{
			"0s ask a+", "1s whole", "1s ask", "2s ok a", "2s ask a!",
		}},
		{"repeats and what is no tracker", "a b|b a|c:x|a c", []string{"0s ask a+ c+"}},
		{"none", "", []string{"0s ask", "0s hurry"}},
		{"strangers", "a", []string{"0s ok z", "0s fail z", "0s ask a+"}},
	} {
		t.Run(c.name, func(t *testing.T) { play(t, drawn(c.tiers), c.script) })
	}
}

func play(t *testing.T, tr *Announcer, script []string) {
	t.Helper()
	began, whole := time.Now(), false
	for _, line := range script {
		words := strings.Fields(line)
		d, err := time.ParseDuration(words[0])
		if err != nil {
			t.Fatal(err)
		}
		now, rest := began.Add(d), strings.Join(words[2:], " ")
		switch words[1] {
		case "ask", "hurry":
			if got := draw(tr.Due(now, words[1] == "hurry", whole)); got != rest {
				t.Errorf("%s: got %q", line, got)
			}
		case "ok":
			tr.Answered(trackerURL(rest), tracker.Response{Interval: 30 * time.Minute}, now)
		case "fail":
			tr.Failed(trackerURL(rest), fmt.Errorf("no"), now)
		case "refuse":
			tr.Failed(trackerURL(rest), fmt.Errorf("tracker: %w", &tracker.Refusal{Message: "no"}), now)
		case "unserved":
			tr.Failed(trackerURL(rest), fmt.Errorf("tracker: %w", tracker.ErrNotServed), now)
		case "whole":
			whole = true
		default:
			t.Fatalf("%q?", line)
		}
	}
}

func TestFarewells(t *testing.T) {
	now := time.Now()
	tr := drawn("a b|c")
	tr.Due(now, true, false)
	tr.Answered(trackerURL("a"), tracker.Response{Interval: time.Hour}, now)
	tr.Answered(trackerURL("c"), tracker.Response{Interval: time.Hour}, now)
	tr.Due(now, false, true)
	tr.Answered(trackerURL("c"), tracker.Response{Interval: time.Hour}, now)
	tr.Failed(trackerURL("a"), errors.New("no"), now)
	var got []string
	for _, asks := range tr.Farewells(true) {
		got = append(got, draw(asks))
	}
	if strings.Join(got, ", ") != "a! a-, c-" {
		t.Errorf("got %q", got)
	}
}

// TestTierShuffle: any order within a tier, none across tiers.
func TestTierShuffle(t *testing.T) {
	seen := map[string]bool{}
	for seed := range int64(200) {
		tr := newTiers([][]string{{trackerURL("a"), trackerURL("b"), trackerURL("c")}, {trackerURL("d")}}, rand.New(rand.NewSource(seed)))
		var order []Ask
		for _, k := range tr.list[0] {
			order = append(order, Ask{URL: k.url})
		}
		seen[draw(order)] = true
		if len(tr.list) != 2 || tr.list[1][0].url != trackerURL("d") {
			t.Fatalf("tiers %v", tr.list)
		}
	}
	if len(seen) != 6 {
		t.Errorf("orders %v, want all 6", seen)
	}
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("udp://t%d:1", i)
	}
	if tr := newTiers([][]string{many}, rand.New(rand.NewSource(1))); len(tr.byURL) != maxTrackers {
		t.Errorf("%d trackers, want %d", len(tr.byURL), maxTrackers)
	}
}

// TestTiersAtRandom: whatever happens, none is asked twice at a time, and
// none for ever: an hour after the last event there is something to ask.
func TestTiersAtRandom(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	for range 200 {
		tr, now := drawn("a b c|d e|f"), time.Now()
		under, started := map[string]bool{}, map[string]bool{}
		take := func(asks []Ask) {
			for _, a := range asks {
				if under[a.URL] || (a.Event == tracker.Started) == started[a.URL] {
					t.Fatalf("%v asked again, or with the wrong event", a)
				}
				under[a.URL] = true
			}
		}
		for range 100 {
			now = now.Add(time.Duration(rng.Intn(600)) * time.Second)
			take(tr.Due(now, rng.Intn(3) == 0, rng.Intn(2) == 0))
			for url := range under {
				switch rng.Intn(4) {
				case 0:
					tr.Answered(url, tracker.Response{Interval: time.Duration(rng.Intn(3600)) * time.Second}, now)
					delete(under, url)
					started[url] = true
				case 1:
					tr.Failed(url, errors.New("no"), now)
					delete(under, url)
				}
			}
		}
		take(tr.Due(now.Add(time.Hour), false, false))
		for _, tier := range tr.tiers.list {
			if !slices.ContainsFunc(tier, func(k *tracked) bool { return under[k.url] }) {
				t.Fatalf("nobody of a tier is asked")
			}
		}
	}
}

func TestKeepTrackers(t *testing.T) {
	tr := drawn("a b|c d")
	now := time.Unix(1, 0)
	draw(tr.Due(now, true, false))
	for _, name := range []string{"a", "c"} {
		tr.Answered(trackerURL(name), tracker.Response{Interval: time.Minute}, now)
	}
	var told []string
	for _, asks := range tr.Keep([][]string{{trackerURL("c")}, {trackerURL("x")}}, true) {
		told = append(told, draw(asks))
	}
	if got := strings.Join(told, ", "); got != "a! a-" {
		t.Errorf("told %q, want %q", got, "a! a-")
	}
	if got := draw(tr.Due(now.Add(time.Hour), true, true)); got != "c!" {
		t.Errorf("asks %q, want %q", got, "c!")
	}
	tr.Answered(trackerURL("b"), tracker.Response{Interval: time.Minute}, now) // too late
}
