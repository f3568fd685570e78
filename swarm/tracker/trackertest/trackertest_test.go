package trackertest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// An asker sends packets from a socket of a Network and reads what comes back.
type asker struct {
	t  *testing.T
	pc net.PacketConn
	to netip.AddrPort
}

func newAsker(t *testing.T, n *Network, at string, to *Tracker) *asker {
	t.Helper()
	pc, err := n.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return &asker{t, pc, to.Addr()}
}

func (a *asker) send(p []byte) {
	a.t.Helper()
	if _, err := a.pc.WriteTo(p, net.UDPAddrFromAddrPort(a.to)); err != nil {
		a.t.Fatal(err)
	}
}

func (a *asker) read() ([]byte, netip.AddrPort) {
	a.t.Helper()
	buf := make([]byte, 2048)
	n, from, err := a.pc.ReadFrom(buf)
	if err != nil {
		a.t.Fatal(err)
	}
	return buf[:n], addrPort(from)
}

func (a *asker) announce(r packet.AnnounceRequest) []netip.AddrPort {
	a.t.Helper()
	a.send(packet.AppendAnnounce(nil, &r, ""))
	p, from := a.read()
	v6 := from.Addr().Is6()
	reply, err := packet.ParseAnnounceReply(p, v6)
	if err != nil {
		a.t.Fatalf("reply %x: %v", p, err)
	}
	return slices.Collect(packet.Peers(reply.Compact, v6))
}

// world runs a Tracker on a Network inside a bubble.
func world(t *testing.T, f func(t *testing.T, n *Network, tr *Tracker)) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		pc, err := n.ListenPacket("udp", ":6969")
		if err != nil {
			t.Fatal(err)
		}
		f(t, n, Serve(t, pc))
	})
}

func TestOrdinary(t *testing.T) {
	world(t, func(t *testing.T, n *Network, tr *Tracker) {
		four, six := newAsker(t, n, "10.0.0.2:1", tr), newAsker(t, n, "[2001:db8::2]:1", tr)
		four.send(packet.AppendConnect(nil, 7))
		if p, _ := four.read(); !bytes.Equal(p, packet.AppendConnectReply(nil, 7, ConnID)) {
			t.Errorf("connect: %x", p)
		}
		ih := [20]byte{1}
		tr.AddPeers(ih, netip.MustParseAddrPort("10.0.0.9:9"), netip.MustParseAddrPort("[2001:db8::9]:9"))
		for _, c := range []struct {
			a    *asker
			req  packet.AnnounceRequest
			want string
		}{
			{four, packet.AnnounceRequest{InfoHash: ih, Port: 5, Left: 1}, "[10.0.0.9:9 10.0.0.2:5]"},
			{six, packet.AnnounceRequest{InfoHash: ih, Port: 5}, "[[2001:db8::9]:9 [2001:db8::2]:5]"},
			{four, packet.AnnounceRequest{InfoHash: ih, Port: 5, Event: packet.Stopped}, "[10.0.0.9:9]"},
			{four, packet.AnnounceRequest{InfoHash: [20]byte{2}, Port: 6}, "[10.0.0.2:6]"},
		} {
			if got := c.a.announce(c.req); fmtPeers(got) != c.want {
				t.Errorf("%+v: got %v, want %s", c.req, got, c.want)
			}
		}
		six.send(packet.AppendScrape(nil, ConnID, 8, [][20]byte{ih, {3}}))
		p, _ := six.read()
		got, err := packet.ParseScrapeReply(p, 2)
		if err != nil || got[0] != (packet.Scraped{Seeders: 1, Leechers: 1}) || got[1] != (packet.Scraped{}) {
			t.Errorf("scrape: %+v, %v", got, err)
		}
		if n := len(tr.Announces()); n != 4 || len(tr.Requests()) != 6 {
			t.Errorf("%d announces of %d requests", n, len(tr.Requests()))
		}
	})
}

func fmtPeers(peers []netip.AddrPort) string {
	s := "["
	for i, p := range peers {
		if i > 0 {
			s += " "
		}
		s += p.String()
	}
	return s + "]"
}

// TestScript does each thing that a Reply can say.
func TestScript(t *testing.T) {
	world(t, func(t *testing.T, n *Network, tr *Tracker) {
		a := newAsker(t, n, "10.0.0.2:1", tr)
		other, err := n.ListenPacket("udp", "10.0.0.66:66")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		start := time.Now()
		ask := func(r Reply) ([]byte, netip.AddrPort) {
			tr.Script(func(Request) Reply { return r })
			a.send(packet.AppendAnnounce(nil, &packet.AnnounceRequest{Transaction: 7, Port: 5}, ""))
			return a.read()
		}
		if p, _ := ask(Reply{Error: "no"}); !bytes.Equal(p, packet.AppendError(nil, 7, "no")) {
			t.Errorf("error: %x", p)
		}
		if p, from := ask(Reply{Raw: [][]byte{{1}, {2}}, Via: other}); !bytes.Equal(p, []byte{1}) || from.String() != "10.0.0.66:66" {
			t.Errorf("raw: %x from %v", p, from)
		}
		if p, _ := a.read(); !bytes.Equal(p, []byte{2}) {
			t.Errorf("raw, second: %x", p)
		}
		p, _ := ask(Reply{Interval: time.Minute, Peers: []netip.AddrPort{netip.MustParseAddrPort("9.9.9.9:9")}, Delay: time.Hour})
		r, err := packet.ParseAnnounceReply(p, false)
		if err != nil || r.Interval != 60 || !bytes.Equal(r.Compact, []byte{9, 9, 9, 9, 0, 9}) || time.Since(start) != time.Hour {
			t.Errorf("delayed: %+v, %v", r, err)
		}
		tr.Script(func(Request) Reply { return Reply{Drop: true} })
		a.send(packet.AppendConnect(nil, 8))
		synctest.Wait()
		tr.Script(nil)
		a.send(packet.AppendConnect(nil, 9))
		if p, _ := a.read(); p[7] != 9 {
			t.Errorf("after a dropped one: %x", p)
		}
		tr.Script(func(Request) Reply { return Reply{Delay: time.Hour} })
		a.send(packet.AppendConnect(nil, 10)) // Close does not wait for the answer
	})
}

func TestAwait(t *testing.T) {
	world(t, func(t *testing.T, n *Network, tr *Tracker) {
		a := newAsker(t, n, "10.0.0.2:1", tr)
		stopped := func(r Request) bool { return r.Announce.Event == packet.Stopped }
		go func() {
			<-time.After(time.Minute)
			a.announce(packet.AnnounceRequest{Port: 1})
			<-time.After(time.Minute)
			a.announce(packet.AnnounceRequest{Port: 2, Event: packet.Stopped})
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for range 2 { // to come, then past
			if r, err := tr.Await(ctx, stopped); err != nil || r.Announce.Port != 2 || r.From.String() != "10.0.0.2:1" {
				t.Errorf("got %+v, %v", r, err)
			}
		}
		if _, err := tr.Await(ctx, func(Request) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNetwork(t *testing.T) {
	world(t, func(t *testing.T, n *Network, tr *Tracker) {
		for _, bad := range []string{"", "host:1", "1.2.3.4"} {
			if _, err := n.ListenPacket("udp", bad); err == nil {
				t.Errorf("listens on %q", bad)
			}
		}
		if _, err := n.ListenPacket("tcp", "1.2.3.4:5"); err == nil {
			t.Error("listens on tcp")
		}
		if _, err := n.ListenPacket("udp", "[::]:6969"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v, want %v", err, syscall.EADDRINUSE)
		}
		a := newAsker(t, n, "0.0.0.0:0", tr)
		a.to = netip.MustParseAddrPort("10.9.9.9:6969") // the tracker has all addresses
		a.send(packet.AppendConnect(nil, 1))
		a.read()
		if from := tr.Requests()[0].From.Addr(); from.String() != "127.0.0.1" {
			t.Errorf("came from %v", from)
		}
		n.Fault(func(_, to netip.AddrPort, _ []byte) error {
			if to.Port() == 6969 {
				return ErrLost
			}
			return syscall.EPERM
		})
		a.send(packet.AppendConnect(nil, 2))
		a.to = netip.MustParseAddrPort("10.9.9.9:1")
		if _, err := a.pc.WriteTo([]byte{1}, net.UDPAddrFromAddrPort(a.to)); err != syscall.EPERM {
			t.Errorf("got %v", err)
		}
		n.Fault(nil)
		a.send([]byte{1}) // nobody is there
		synctest.Wait()
		if got := len(tr.Requests()); got != 1 {
			t.Errorf("%d requests", got)
		}
		a.pc.Close()
		if _, err := a.pc.WriteTo(nil, a.pc.LocalAddr()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if _, _, err := a.pc.ReadFrom(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// TestLoopback runs a Tracker on real sockets, also after it was closed.
func TestLoopback(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		tr := Listen(t, address)
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(tr.Addr()))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(packet.AppendConnect(nil, 7))
		buf := make([]byte, 100)
		if n, err := c.Read(buf); err != nil || !bytes.Equal(buf[:n], packet.AppendConnectReply(nil, 7, ConnID)) {
			t.Errorf("%s: %x, %v", tr.URL(), buf[:n], err)
		}
		tr.Close()
		tr.Close()
		pc, err := net.ListenPacket("udp", tr.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		Serve(t, pc) // it comes back on the same port
	}
	if New(t).Addr().Addr().String() != "127.0.0.1" {
		t.Error("New does not listen on 127.0.0.1")
	}
}
