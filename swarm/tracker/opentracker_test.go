//go:build unix

package tracker_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// TestOpentracker talks to the real one, over UDP and over HTTP: two peers find
// each other, their figures are right, one leaves; a torrent that is not on its
// list is told apart.
func TestOpentracker(t *testing.T) {
	for _, scheme := range []string{"udp", "http"} {
		t.Run(scheme, func(t *testing.T) { meetAtOpentracker(t, scheme) })
	}
}

func meetAtOpentracker(t *testing.T, scheme string) {
	v2 := [20]byte{0xca, 0xce, 0x11}
	url := strings.Replace(trackertest.Opentracker(t, torrent, v2), "udp", scheme, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, b := loopbackClient(t, "127.0.0.2"), loopbackClient(t, "127.0.0.3")

	for _, ih := range [][20]byte{torrent, v2} {
		announce := func(c *tracker.Client, req tracker.Request) tracker.Response {
			t.Helper()
			req.InfoHash = ih
			r, err := c.Announce(ctx, url, req)
			if err != nil {
				t.Fatal(err)
			}
			if r.Interval < tracker.MinInterval || r.Interval > tracker.MaxInterval {
				t.Errorf("interval %v", r.Interval)
			}
			return r
		}
		announce(a, tracker.Request{PeerID: [20]byte{1}, Port: 7001, Event: tracker.Started})
		r := announce(b, tracker.Request{PeerID: [20]byte{2}, Port: 7002, Left: 5, Event: tracker.Started})
		if !slices.Contains(r.Peers, netip.MustParseAddrPort("127.0.0.2:7001")) || r.Seeders != 1 || r.Leechers != 1 {
			t.Errorf("got %+v", r)
		}
		figures, err := a.Scrape(ctx, url, [][20]byte{ih})
		if err != nil || figures[0].Seeders != 1 || figures[0].Leechers != 1 {
			t.Errorf("scrape: %+v, %v", figures, err)
		}
		announce(a, tracker.Request{PeerID: [20]byte{1}, Port: 7001, Event: tracker.Stopped})
		r = announce(b, tracker.Request{PeerID: [20]byte{2}, Port: 7002, Event: tracker.Completed})
		if slices.Contains(r.Peers, netip.MustParseAddrPort("127.0.0.2:7001")) || r.Seeders != 1 || r.Leechers != 0 {
			t.Errorf("after one stopped and the other completed: %+v", r)
		}
	}
	figures, err := a.Scrape(ctx, url, [][20]byte{v2, {66}, torrent})
	if want := []tracker.Scraped{{Seeders: 1, Completed: 1}, {}, {Seeders: 1, Completed: 1}}; err != nil || !slices.Equal(figures, want) {
		t.Errorf("scrape of three: %+v, %v, want %+v", figures, err, want)
	}
	_, err = a.Announce(ctx, url, tracker.Request{InfoHash: [20]byte{66}, Port: 7001})
	var refused *tracker.Refusal
	if !errors.Is(err, tracker.ErrNotServed) && (scheme == "udp" || !errors.As(err, &refused)) {
		t.Errorf("a torrent that is not on the list: got %v", err)
	}
}
