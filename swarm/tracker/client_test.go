package tracker_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

func TestAnnounceOnLoopback(t *testing.T) {
	tr := trackertest.New(t)
	peer := netip.MustParseAddrPort("127.0.0.9:1234")
	tr.AddPeers([20]byte{7}, peer)
	c := tracker.New(tracker.Config{Listen: netip.MustParseAddr("127.0.0.5")})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := c.Announce(ctx, tr.URL(), tracker.Request{InfoHash: [20]byte{7}, Port: 99, Event: tracker.Started})
	want := []netip.AddrPort{peer, netip.MustParseAddrPort("127.0.0.5:99")}
	if err != nil || !slices.Equal(r.Peers, want) {
		t.Fatalf("got %v, %v, want %v", r.Peers, err, want)
	}
}
