//go:build unix

package tracker_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// TestOpentracker talks to the real one: two peers find each other, their
// figures are right, one leaves; a torrent that is not on its list is told apart.
func TestOpentracker(t *testing.T) {
	v2 := [20]byte{0xca, 0xce, 0x11}
	url := trackertest.Opentracker(t, torrent, v2)
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
	_, err := a.Announce(ctx, url, tracker.Request{InfoHash: [20]byte{66}, Port: 7001})
	if !errors.Is(err, tracker.ErrNotServed) {
		t.Errorf("a torrent that is not on the list: got %v, want %v", err, tracker.ErrNotServed)
	}
}

func loopbackClient(t *testing.T, listen string) *tracker.Client {
	c := tracker.New(tracker.Config{Listen: netip.MustParseAddr(listen)})
	t.Cleanup(func() { c.Close() })
	return c
}
