package server

import (
	"context"
	"net"
	"testing"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/tracker/packet"
)

// TestPanic has what a packet asks the caller panic: that packet has no answer,
// the next ones have, also by the same goroutine, and the table is not locked.
func TestPanic(t *testing.T) {
	g := guard.New(nil)
	bad := [20]byte{1}
	s := New(Config{Addr: "127.0.0.1:0", Guard: g, Serves: func(ih [20]byte) Verdict {
		if ih == bad {
			panic(guard.Planted("planted in a test"))
		}
		return Served
	}})
	pc, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, pc) }()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, pc.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 2048)
	ask := func(p []byte) []byte {
		t.Helper()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return buf[:n]
	}
	id, err := packet.ParseConnectReply(ask(packet.AppendConnect(nil, 7)))
	if err != nil {
		t.Fatal(err)
	}
	announce := func(ih [20]byte) []byte {
		return packet.AppendAnnounce(nil, &packet.AnnounceRequest{Conn: id, InfoHash: ih, Port: 6881, NumWant: -1}, "")
	}
	const times = 16 // more than there are goroutines
	for range times {
		if _, err := c.Write(announce(bad)); err != nil {
			t.Fatal(err)
		}
	}
	for range times {
		if got := ask(announce([20]byte{2})); len(got) != packet.AnnounceReplyLen {
			t.Errorf("after panics: got %x", got)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if n := g.Caught(); n != times {
		t.Errorf("caught %d panics, want %d", n, times)
	}
}
