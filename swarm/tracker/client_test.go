package tracker_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/packet"
	"p2pfs/swarm/tracker/trackertest"
)

// TestLoopback uses real sockets: the tracker sees the listen address.
func TestLoopback(t *testing.T) {
	for _, c := range []struct{ tracker, listen, self string }{
		{"127.0.0.1:0", "127.0.0.5", "127.0.0.5:9999"},
		{"127.0.0.1:0", "", "127.0.0.1:9999"},
		{"[::1]:0", "::1", "[::1]:9999"},
		{"[::1]:0", "::", "[::1]:9999"},
	} {
		tr := trackertest.Listen(t, c.tracker)
		listen, _ := netip.ParseAddr(c.listen)
		client := tracker.New(tracker.Config{Listen: listen})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r, err := client.Announce(ctx, tr.URL(), tracker.Request{InfoHash: torrent, Port: 9999, Event: tracker.Started})
		want := []netip.AddrPort{netip.MustParseAddrPort(c.self)}
		if err != nil || !slices.Equal(r.Peers, want) {
			t.Errorf("listening on %q: got %v, %v, want %v", c.listen, r.Peers, err, want)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRefusedPort asks a port that nobody listens on, then a living tracker,
// through the same socket.
func TestRefusedPort(t *testing.T) {
	dead, tr := trackertest.New(t), trackertest.New(t)
	dead.Close()
	c := tracker.New(tracker.Config{Listen: netip.MustParseAddr("127.0.0.1")})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Announce(ctx, dead.URL(), tracker.Request{InfoHash: torrent, Port: 1})
	wantErr(t, err, context.DeadlineExceeded)
	if _, err := c.Announce(t.Context(), tr.URL(), tracker.Request{InfoHash: torrent, Port: 1}); err != nil {
		t.Error(err)
	}
}

// TestSocketErrors: errors that sockets tell about single packets end nothing.
func TestSocketErrors(t *testing.T) {
	bubble(t, func(w *world) {
		w.net.Fault(func(from, to netip.AddrPort, p []byte) error {
			if to == trackerAddr && time.Since(w.start) < 20*time.Second {
				return syscall.ECONNREFUSED
			}
			return nil
		})
		w.c = tracker.New(tracker.Config{ListenPacket: func(network, address string) (net.PacketConn, error) {
			pc, err := w.net.ListenPacket(network, address)
			return &erring{PacketConn: pc}, err
		}})
		defer w.c.Close()
		if _, err := w.announce(time.Hour, trackertestURL, tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.wantLog(w.tr, "c45s a45s")
	})
}

// erring is a socket whose every other read fails.
type erring struct {
	net.PacketConn
	n int
}

func (e *erring) ReadFrom(p []byte) (int, net.Addr, error) {
	if e.n++; e.n%2 == 1 {
		return 0, nil, &net.OpError{Op: "read", Err: syscall.ECONNREFUSED}
	}
	return e.PacketConn.ReadFrom(p)
}

// TestNoRoute: an error that waiting does not mend is returned.
func TestNoRoute(t *testing.T) {
	bubble(t, func(w *world) {
		w.net.Fault(func(from, to netip.AddrPort, p []byte) error { return syscall.ENETUNREACH })
		_, err := w.announce(time.Hour, trackertestURL, tracker.Request{})
		wantErr(t, err, syscall.ENETUNREACH)
		w.elapsed(0)
	})
}

// TestForged: what does not come from the tracker, or does not bear the
// transaction id of the question, is not an answer.
func TestForged(t *testing.T) {
	bubble(t, func(w *world) {
		liar, err := w.net.ListenPacket("udp", "10.0.0.66:6969")
		if err != nil {
			t.Fatal(err)
		}
		otherPort, err := w.net.ListenPacket("udp", "10.0.0.1:6970")
		if err != nil {
			t.Fatal(err)
		}
		evil := []netip.AddrPort{netip.MustParseAddrPort("6.6.6.6:6666")}
		w.tr.Script(func(r trackertest.Request) trackertest.Reply {
			forged := packet.AppendConnectReply(nil, r.Transaction, 666)
			if r.Action == packet.Announce {
				forged = trackertest.AppendPeer(packet.AppendAnnounceReply(nil, packet.AnnounceReply{Transaction: r.Transaction}), evil[0])
			}
			to := net.UDPAddrFromAddrPort(r.From)
			liar.WriteTo(forged, to)
			otherPort.WriteTo(forged, to)
			wrong := slices.Clone(forged)
			wrong[7]++
			return trackertest.Reply{Delay: time.Second, Raw: [][]byte{wrong, {}, {1, 2, 3}, answerTo(r), forged, forged}}
		})
		got, err := w.announce(10*time.Second, w.tr.URL(), tracker.Request{})
		want := netip.MustParseAddrPort("10.0.0.9:9009")
		if err != nil || !slices.Equal(got.Peers, []netip.AddrPort{want}) {
			t.Errorf("got %v, %v, want %v", got.Peers, err, want)
		}
		w.elapsed(2 * time.Second)
		for _, r := range w.tr.Announces() {
			if r.Conn != 42 {
				t.Errorf("announced with connection id %d", r.Conn)
			}
		}
	})
}

// answerTo is an honest answer.
func answerTo(r trackertest.Request) []byte {
	if r.Action == packet.Connect {
		return packet.AppendConnectReply(nil, r.Transaction, 42)
	}
	p := packet.AppendAnnounceReply(nil, packet.AnnounceReply{Transaction: r.Transaction, Interval: 1800})
	return trackertest.AppendPeer(p, netip.MustParseAddrPort("10.0.0.9:9009"))
}

// TestTransactions: no two questions bear the same id, and none is predictable
// from the one before.
func TestTransactions(t *testing.T) {
	bubble(t, func(w *world) {
		for i := range 50 {
			w.announce(time.Minute, w.tr.URL(), tracker.Request{InfoHash: [20]byte{byte(i)}})
		}
		seen := make(map[uint32]bool)
		steps := make(map[uint32]bool)
		var last uint32
		for _, r := range w.tr.Requests() {
			seen[r.Transaction], steps[r.Transaction-last] = true, true
			last = r.Transaction
		}
		if len(seen) != 51 || len(steps) != 51 {
			t.Errorf("51 questions: %d ids, %d differences", len(seen), len(steps))
		}
	})
}

// TestRequest looks at what an announce says.
func TestRequest(t *testing.T) {
	bubble(t, func(w *world) {
		reqs := []tracker.Request{
			{InfoHash: torrent, PeerID: [20]byte{4}, Downloaded: 1, Left: 2, Uploaded: 3, Event: tracker.Started, Port: 6881, NumWant: 30, Key: 9},
			{InfoHash: torrent, Downloaded: -1, Left: -2, Uploaded: -3, Event: tracker.Completed, NumWant: -1, Port: 1},
			{InfoHash: torrent, Event: tracker.Stopped, NumWant: 50, Port: 65535},
			{InfoHash: [20]byte{8}, NumWant: 1 << 40, Port: 6881},
		}
		for _, r := range reqs {
			if _, err := w.announce(time.Minute, w.tr.URL()+"?pass=1", r); err != nil {
				t.Fatal(err)
			}
		}
		got := w.tr.Announces()
		wants := []packet.AnnounceRequest{
			{PeerID: [20]byte{4}, Downloaded: 1, Left: 2, Uploaded: 3, Event: packet.Started, Port: 6881, NumWant: 30, Key: 9},
			{Event: packet.Completed, Port: 1},
			{Event: packet.Stopped, Port: 65535},
			{NumWant: 1 << 15, Port: 6881},
		}
		for i, want := range wants {
			a := got[i].Announce
			if want.Key == 0 {
				want.Key = a.Key
			}
			want.Conn, want.Transaction, want.InfoHash = trackertest.ConnID, a.Transaction, reqs[i].InfoHash
			if a != want {
				t.Errorf("announce %d: got %+v, want %+v", i, a, want)
			}
			if data := string(got[i].Raw[packet.AnnounceRequestLen:]); data != "\x02\x10/announce?pass=1" {
				t.Errorf("announce %d: URL data %q", i, data)
			}
		}
		if k := got[1].Announce.Key; k == 0 || k != got[2].Announce.Key || k == got[3].Announce.Key {
			t.Errorf("keys of one torrent %x, %x, of another %x", k, got[2].Announce.Key, got[3].Announce.Key)
		}
	})
}

// TestScrape asks for more torrents than one packet holds.
func TestScrape(t *testing.T) {
	bubble(t, func(w *world) {
		hashes := make([][20]byte, 100)
		for i := range hashes {
			hashes[i] = [20]byte{byte(i), 1}
			for j := range i % 4 {
				w.tr.AddPeers(hashes[i], netip.AddrPortFrom(netip.MustParseAddr("10.0.0.9"), uint16(j+1)))
			}
		}
		got, err := w.c.Scrape(w.t.Context(), w.tr.URL(), hashes)
		if err != nil || len(got) != 100 {
			t.Fatalf("got %d, %v", len(got), err)
		}
		for i, s := range got {
			if s != (tracker.Scraped{Leechers: i % 4}) {
				t.Errorf("torrent %d: %+v", i, s)
			}
		}
		w.wantLog(w.tr, "c0s s0s s0s")
		if got, err := w.c.Scrape(w.t.Context(), w.tr.URL(), nil); err != nil || len(got) != 0 {
			t.Errorf("no hashes: %v, %v", got, err)
		}
		w.tr.Script(only(packet.Scrape, func(r trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Raw: [][]byte{packet.AppendReply(nil, packet.Reply{Action: packet.Scrape, Transaction: r.Transaction})}}
		}))
		_, err = w.c.Scrape(w.t.Context(), w.tr.URL(), hashes[:1])
		wantErr(t, err, tracker.ErrReply)
	})
}

// TestClose ends everything that is under way, wherever it waits.
func TestClose(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(only(packet.Announce, silence))
		w.c.Close()
		slow := make(chan struct{})
		w.c = tracker.New(tracker.Config{ListenPacket: w.net.ListenPacket,
			Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
				close(slow)
				<-ctx.Done()
				return nil, ctx.Err()
			}})
		var wg sync.WaitGroup
		for i, url := range []string{w.tr.URL(), w.tr.URL(), "udp://10.0.0.2:1", "udp://slow.example:1", "udp://slow.example:2"} {
			for range 7 { // the last ones wait for their turn
				wg.Go(func() {
					_, err := w.announce(time.Hour, url, tracker.Request{InfoHash: [20]byte{byte(i)}})
					wantErr(t, err, tracker.ErrClosed)
				})
			}
		}
		wg.Go(func() {
			_, err := w.c.Scrape(w.t.Context(), "udp://10.0.0.2:1", [][20]byte{torrent})
			wantErr(t, err, tracker.ErrClosed)
		})
		<-slow
		synctest.Wait()
		wg.Go(func() { w.c.Close() })
		w.c.Close()
		wg.Wait()
		w.elapsed(0)
		_, err := w.announce(time.Hour, w.tr.URL(), tracker.Request{})
		wantErr(t, err, tracker.ErrClosed)
		_, err = w.c.Scrape(w.t.Context(), w.tr.URL(), [][20]byte{torrent})
		wantErr(t, err, tracker.ErrClosed)
		w.c.Hurry(torrent)
	})
}

// TestCancelled: the caller's own end is told as such.
func TestCancelled(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(silence)
		ctx, cancel := context.WithCancelCause(w.t.Context())
		go func() {
			time.Sleep(time.Minute)
			cancel(syscall.EIO) // the caller's cause is his own affair
		}()
		_, err := w.c.Announce(ctx, w.tr.URL(), tracker.Request{InfoHash: torrent, Port: 1})
		wantErr(t, err, context.Canceled)
		if !strings.Contains(err.Error(), "no reply after 3 tries") {
			t.Errorf("error %q", err)
		}
		w.elapsed(time.Minute)
	})
}

// TestNoSocket: an address that we do not have.
func TestNoSocket(t *testing.T) {
	bubble(t, func(w *world) {
		w.c = tracker.New(tracker.Config{ListenPacket: func(string, string) (net.PacketConn, error) {
			return nil, syscall.EADDRNOTAVAIL
		}})
		_, err := w.announce(time.Hour, w.tr.URL(), tracker.Request{})
		wantErr(t, err, tracker.ErrNoAddress)
		wantErr(t, err, syscall.EADDRNOTAVAIL)
		w.c.Close()
	})
}
