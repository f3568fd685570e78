package tracker_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// TestPanic has what looks names up, what opens sockets and what hears of
// unanswered tries panic: the announce fails, the next one is answered.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := trackertest.NewNetwork()
		pc, err := net.ListenPacket("udp", trackerAddr.String())
		if err != nil {
			t.Fatal(err)
		}
		trackertest.Serve(t, pc)
		g := guard.New(nil)
		bad := true
		c := tracker.New(tracker.Config{
			ListenPacket: net.ListenPacket, Guard: g,
			Resolve: func(context.Context, string) ([]netip.Addr, error) {
				if bad {
					panic(guard.Planted("planted in a test"))
				}
				return []netip.Addr{trackerAddr.Addr()}, nil
			},
		})
		defer c.Close()
		req := tracker.Request{InfoHash: torrent, Port: 6881, Left: 1}
		if _, err := c.Announce(t.Context(), "udp://a.example:6969", req); !errors.Is(err, guard.ErrPanic) {
			t.Errorf("announce: %v, want an error that says internal error", err)
		}
		bad = false
		if _, err := c.Announce(t.Context(), "udp://b.example:6969", req); err != nil {
			t.Errorf("the next announce: %v", err)
		}
		if g.Caught() != 1 {
			t.Errorf("caught %d panics, want 1", g.Caught())
		}
	})
}
