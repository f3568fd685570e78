package server

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"

	"p2pfs/swarm/tracker/packet"
)

// hostile returns a bench that asks from the i-th of many addresses.
func (b *bench) hostile(i int, port uint16) *bench {
	c := *b
	addr := netip.AddrFrom4([4]byte{20 + byte(i>>24), byte(i >> 16), byte(i >> 8), byte(i)})
	c.r.from = netip.AddrPortFrom(addr, port)
	return &c
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryBound: 200 000 invented torrents from as many addresses, 60 000
// peers in one swarm, swarms that grow and shrink, and as many peers as there
// may be. The table stays within its bounds and 128 MB, and answers.
func TestMemoryBound(t *testing.T) {
	before := heap()
	b := newBench(t, Config{MaxTotal: defaultTotal / less})
	invented := func(i int) (h [20]byte) {
		binary.BigEndian.PutUint32(h[:], uint32(i))
		return h
	}
	announce := func(i int, infoHash [20]byte) {
		h := b.hostile(i, 5000)
		req := packet.AnnounceRequest{Conn: h.conn(), InfoHash: infoHash, Port: 1}
		if h.h.handle(packet.AppendAnnounce(nil, &req, ""), h.r) == nil {
			t.Fatal("no answer")
		}
	}
	for i := range 200_000 {
		announce(i, invented(i))
	}
	if st := b.h.s.Stats(); st.Swarms != defaultSwarms {
		t.Errorf("%d swarms", st.Swarms)
	}
	for i := range 60_000 / less {
		announce(i, [20]byte{9})
	}
	if r := b.announce(packet.AnnounceRequest{InfoHash: [20]byte{9}}); r.Seeders != defaultPeers {
		t.Errorf("%d peers in the swarm", r.Seeders)
	}
	s := b.h.s
	for i := range 2 * defaultTotal / less { // straight into the table: it is the one that must hold
		a := announced{key: swarmKey{infoHash: invented(i % (40_000 / less))},
			self: endpointOf(b.hostile(i, 0).r.from.Addr(), uint16(1+i%7)), stopped: i%5 == 4}
		s.table.announce(a, 0)
	}
	if st := s.Stats(); st.Peers > defaultTotal/less || st.Peers < defaultTotal/less/2 {
		t.Errorf("%d peers", st.Peers)
	}
	if used := int64(heap()) - int64(before); used > 128<<20 {
		t.Errorf("%d MB in use", used>>20)
	} else {
		t.Logf("%d MB in use", used>>20)
	}
	if err := s.table.check(); err != nil {
		t.Error(err)
	}
	if r := b.announce(packet.AnnounceRequest{InfoHash: [20]byte{8}}); r.Seeders != 1 {
		t.Errorf("answer afterwards: %+v", r)
	}
	runtime.KeepAlive(b)
}

// BenchmarkHandle is what an announce costs without the socket, in a swarm of as
// many peers as a drive may have, and in the largest.
func BenchmarkHandle(b *testing.B) {
	for _, c := range []struct {
		name  string
		peers int
	}{{"10", 10}, {"1000", 1000}} {
		b.Run("peers="+c.name, func(b *testing.B) {
			w := newBench(b, Config{})
			var reqs [][]byte
			var routes []route
			for i := range c.peers {
				p := w.hostile(i, 5000)
				reqs = append(reqs, packet.AppendAnnounce(nil, &packet.AnnounceRequest{Conn: p.conn(), Port: 1, NumWant: -1}, ""))
				routes = append(routes, p.r)
			}
			b.ReportAllocs()
			for i := range b.N {
				if w.h.handle(reqs[i%c.peers], routes[i%c.peers]) == nil {
					b.Fatal("no answer")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "announces/s")
		})
	}
}

// BenchmarkServe is announces over loopback sockets: each sender keeps some
// requests under way. Senders and server share the machine.
func BenchmarkServe(b *testing.B) {
	s := New(Config{Addr: "127.0.0.1:0"})
	pc, err := s.Listen()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, pc) }()
	defer func() {
		cancel()
		<-done
	}()
	var left atomic.Int64
	left.Store(int64(b.N))
	results := make(chan error)
	b.ResetTimer()
	const senders = 2
	for i := range senders {
		go func() { results <- send(s, pc.LocalAddr(), byte(i), &left) }()
	}
	for range senders {
		if err := <-results; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "announces/s")
}

// send announces until left is used up, 16 requests at a time.
func send(s *Server, to net.Addr, i byte, left *atomic.Int64) error {
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2+i)}, to.(*net.UDPAddr))
	if err != nil {
		return err
	}
	defer c.Close()
	from := netip.AddrFrom4([4]byte{127, 0, 0, 2 + i})
	sign, buf := s.ids.signer(), make([]byte, 2048)
	req := packet.AnnounceRequest{PeerID: [20]byte{i}, NumWant: -1}
	for n := 0; left.Add(-16) > -16; n++ {
		req.Conn = sign.issue(from, s.now())
		for k := range 16 {
			req.InfoHash[0], req.InfoHash[1] = byte(n), byte(k)
			req.Port = uint16(1 + n%20)
			if _, err := c.Write(packet.AppendAnnounce(buf[:0], &req, "")); err != nil {
				return err
			}
		}
		for range 16 {
			if _, err := c.Read(buf); err != nil {
				return err
			}
		}
	}
	return nil
}
