package server_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/server"
	"p2pfs/swarm/tracker/trackertest"
)

// TestServeEnds: by its context, or with its socket; no goroutine stays.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := trackertest.NewNetwork()
		pc, err := network.ListenPacket("udp", "10.0.0.1:6969")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		if err := server.New(server.Config{}).Serve(ctx, pc); err != nil {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := pc.WriteTo(nil, pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the socket is open: %v", err)
		}
		pc, err = network.ListenPacket("udp", "10.0.0.1:6969")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, func() { pc.Close() })
		if err := server.New(server.Config{}).Serve(t.Context(), pc); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// flaky is a socket on which one read in two, and one write in two, fails.
type flaky struct {
	net.PacketConn
	mu   sync.Mutex
	r, w int
}

func (f *flaky) fails(n *int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	*n++
	return *n%2 == 1
}

func (f *flaky) ReadFrom(p []byte) (int, net.Addr, error) {
	if f.fails(&f.r) {
		return 0, nil, syscall.ECONNREFUSED
	}
	return f.PacketConn.ReadFrom(p)
}

func (f *flaky) WriteTo(p []byte, to net.Addr) (int, error) {
	if f.fails(&f.w) {
		return 0, syscall.EPERM
	}
	return f.PacketConn.WriteTo(p, to)
}

// TestServeSurvives: errors of single packets end nothing; the client's retries
// get their answers, and what nobody announces again expires.
func TestServeSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := trackertest.NewNetwork()
		pc, err := network.ListenPacket("udp", "10.0.0.1:6969")
		if err != nil {
			t.Fatal(err)
		}
		s := server.New(server.Config{Interval: time.Second}) // raised to 30 s
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Serve(ctx, &flaky{PacketConn: pc}) }()
		c := tracker.New(tracker.Config{ListenPacket: network.ListenPacket})
		r, err := c.Announce(t.Context(), "udp://10.0.0.1:6969", tracker.Request{InfoHash: [20]byte{1}, Port: 1})
		if err != nil || r.Interval != 30*time.Second {
			t.Errorf("got %+v, %v", r, err)
		}
		if st := s.Stats(); st.Swarms != 1 || st.Peers != 1 {
			t.Errorf("%+v", st)
		}
		time.Sleep(2 * time.Minute)
		if st := s.Stats(); st.Swarms != 0 || st.Peers != 0 {
			t.Errorf("after two minutes: %+v", st)
		}
		c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// TestListenTaken: who finds the port taken can tell.
func TestListenTaken(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "[::1]:0"} {
		pc, err := server.New(server.Config{Addr: addr}).Listen()
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		if _, err := server.New(server.Config{Addr: pc.LocalAddr().String()}).Listen(); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: got %v, want %v", addr, err, syscall.EADDRINUSE)
		}
	}
	for _, addr := range []string{"127.0.0.1", "127.0.0.1:port", "1.2.3.4.5:6"} {
		if pc, err := server.New(server.Config{Addr: addr}).Listen(); err == nil {
			t.Errorf("%q: listens on %v", addr, pc.LocalAddr())
			pc.Close()
		}
	}
}

// TestAnswersFromWhereAsked: a server on all addresses is asked at one that the
// system would not choose, and answers from it; the client takes no other answer.
func TestAnswersFromWhereAsked(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0"} {
		s := server.New(server.Config{Addr: addr})
		pc, err := s.Listen()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Serve(ctx, pc) }()
		port := netip.MustParseAddrPort(pc.LocalAddr().String()).Port()
		hosts := []string{"127.0.0.1", "127.0.0.77", "::1"}
		if addr == "0.0.0.0:0" {
			hosts = hosts[:2]
		}
		for _, host := range hosts {
			url := "udp://" + netip.AddrPortFrom(netip.MustParseAddr(host), port).String()
			announce(t, client(t, "::"), url, tracker.Request{InfoHash: [20]byte{1}, Port: 7})
		}
		if st := s.Stats(); st.Swarms != len(hosts)-1 { // one for each family
			t.Errorf("on %s: %+v", addr, st)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestScrape scrapes what was announced, each family for itself.
func TestScrape(t *testing.T) {
	_, url := start(t, server.Config{Addr: "127.0.0.1:0"})
	c := client(t, "127.0.0.2")
	announce(t, c, url, tracker.Request{InfoHash: [20]byte{1}, Port: 1, Left: 1})
	announce(t, c, url, tracker.Request{InfoHash: [20]byte{1}, Port: 2, Event: tracker.Completed})
	hashes := make([][20]byte, 80)
	hashes[79] = [20]byte{1}
	got, err := c.Scrape(t.Context(), url, hashes)
	if err != nil || len(got) != 80 || got[79] != (tracker.Scraped{Seeders: 1, Completed: 1, Leechers: 1}) || got[0] != (tracker.Scraped{}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestRefused: the server's own words reach the caller.
func TestRefused(t *testing.T) {
	_, url := start(t, server.Config{Addr: "127.0.0.1:0"})
	_, err := client(t, "127.0.0.2").Announce(t.Context(), url, tracker.Request{InfoHash: [20]byte{1}})
	var refused *tracker.Refusal
	if !errors.As(err, &refused) || refused.Message != "port 0 cannot be dialled" {
		t.Errorf("got %v", err)
	}
}
