package server_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/server"
)

// start runs a server until the test ends and returns its URL.
func start(t *testing.T, cfg server.Config) (*server.Server, string) {
	t.Helper()
	s := server.New(cfg)
	pc, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, pc) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return s, "udp://" + pc.LocalAddr().String()
}

func client(t *testing.T, listen string) *tracker.Client {
	c := tracker.New(tracker.Config{Listen: netip.MustParseAddr(listen)})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func announce(t *testing.T, c *tracker.Client, url string, req tracker.Request) tracker.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := c.Announce(ctx, url, req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestClientFindsClient announces two peers from two hosts: the second is told
// of the first, until that stops.
func TestClientFindsClient(t *testing.T) {
	for _, hosts := range [][3]string{{"127.0.0.1:0", "127.0.0.2", "127.0.0.3"}, {"[::1]:0", "::1", "::1"}} {
		s, url := start(t, server.Config{Addr: hosts[0]})
		a, b := client(t, hosts[1]), client(t, hosts[2])
		ih := [20]byte{1}
		first := announce(t, a, url, tracker.Request{InfoHash: ih, Port: 7001, Left: 5, Event: tracker.Started})
		if len(first.Peers) != 0 || first.Leechers != 1 || first.Interval != 2*time.Minute {
			t.Errorf("first answer: %+v", first)
		}
		second := announce(t, b, url, tracker.Request{InfoHash: ih, Port: 7002, Event: tracker.Started})
		want := []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(hosts[1]), 7001)}
		if !slices.Equal(second.Peers, want) || second.Seeders != 1 || second.Leechers != 1 {
			t.Errorf("second answer: got %+v, want peers %v", second, want)
		}
		announce(t, a, url, tracker.Request{InfoHash: ih, Port: 7001, Event: tracker.Stopped})
		third := announce(t, b, url, tracker.Request{InfoHash: ih, Port: 7002})
		if len(third.Peers) != 0 {
			t.Errorf("after stopped: %+v", third)
		}
		if got := s.Stats(); got.Swarms != 1 || got.Peers != 1 || got.Announces != 4 {
			t.Errorf("stats: %+v", got)
		}
	}
}
