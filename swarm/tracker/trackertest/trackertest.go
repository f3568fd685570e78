// Package trackertest is trackers for tests, over UDP (BEP 15) and HTTP (BEP 3,
// 7, 23), that do what a script says: answer as they should, late, wrongly, twice
// or not at all, and remember what they were asked. They run in the test's
// process, on loopback or on a Network, which is a net in memory for use with
// testing/synctest.
//
// All methods may be called from anywhere at once.
package trackertest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// A Request is a packet that came in.
type Request struct {
	packet.Request
	At       time.Time
	From     netip.AddrPort
	Raw      []byte
	Announce packet.AnnounceRequest // if Action is announce and the packet whole
	Hashes   [][20]byte             // if Action is scrape
}

// A Reply says how to answer a request. The zero Reply is the ordinary answer.
type Reply struct {
	Drop  bool          // no answer
	Delay time.Duration // before the answer
	// Error, if not empty, makes it an error reply.
	Error string
	// Peers, if not nil, are given out instead of those that announced; only
	// those of the asker's family.
	Peers []netip.AddrPort
	// Interval, if not 0, stands in an announce reply; else it is half an hour.
	Interval time.Duration
	// Raw, if not nil, are the packets sent instead of an answer.
	Raw [][]byte
	// Via, if not nil, sends the answer: from another address than was asked.
	Via net.PacketConn
}

// A Tracker is a scripted tracker. Without a script it is an ordinary one, that
// gives every asker all peers of its family that announced the torrent, itself
// included, and accepts any connection id.
type Tracker struct {
	pc     net.PacketConn
	closed chan struct{}
	busy   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	script func(Request) Reply
	seen   []Request
	more   chan struct{} // closed and made anew when seen grows
	peers  map[[20]byte][]known
}

type known struct {
	at   netip.AddrPort
	seed bool
}

// ConnID is the connection id that every Tracker hands out.
const ConnID = 0x0123456789abcdef

// New starts a Tracker on 127.0.0.1, ended when the test ends.
func New(tb testing.TB) *Tracker {
	tb.Helper()
	return Listen(tb, "127.0.0.1:0")
}

// Listen starts a Tracker on a UDP address, ended when the test ends.
func Listen(tb testing.TB, address string) *Tracker {
	tb.Helper()
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		tb.Fatal(err)
	}
	return Serve(tb, pc)
}

// Serve starts a Tracker on a socket, which is closed when the test ends or
// Close is called.
func Serve(tb testing.TB, pc net.PacketConn) *Tracker {
	t := &Tracker{pc: pc, closed: make(chan struct{}), more: make(chan struct{}),
		peers: make(map[[20]byte][]known)}
	t.busy.Go(t.run)
	tb.Cleanup(t.Close)
	return t
}

// Close ends the Tracker: its port is closed, as that of one that died. It
// returns when no goroutine is left and may be called twice.
func (t *Tracker) Close() {
	t.mu.Lock()
	select {
	case <-t.closed:
	default:
		close(t.closed)
	}
	t.mu.Unlock()
	t.pc.Close()
	t.busy.Wait()
}

// Addr is where the Tracker listens.
func (t *Tracker) Addr() netip.AddrPort {
	return addrPort(t.pc.LocalAddr())
}

// URL is the Tracker's announce URL.
func (t *Tracker) URL() string { return "udp://" + t.Addr().String() + "/announce" }

// Script sets what decides about each request that comes in from now on; nil
// makes the Tracker ordinary. It is called on the Tracker's one goroutine, so it
// must not wait.
func (t *Tracker) Script(f func(Request) Reply) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = f
}

// AddPeers enters peers as if they had announced a torrent.
func (t *Tracker) AddPeers(infoHash [20]byte, peers ...netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range peers {
		t.enter(infoHash, known{at: p}, false)
	}
}

// Requests returns what came in until now, answered or not.
func (t *Tracker) Requests() []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.seen)
}

// Announces returns the announces that came in until now.
func (t *Tracker) Announces() []Request {
	return slices.DeleteFunc(t.Requests(), func(r Request) bool { return r.Action != packet.Announce })
}

// Await returns the first request, past or to come, that match accepts.
func (t *Tracker) Await(ctx context.Context, match func(Request) bool) (Request, error) {
	for i := 0; ; {
		t.mu.Lock()
		seen, more := t.seen, t.more
		t.mu.Unlock()
		for ; i < len(seen); i++ {
			if match(seen[i]) {
				return seen[i], nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return Request{}, ctx.Err()
		}
	}
}

func (t *Tracker) run() {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := t.pc.ReadFrom(buf)
		select {
		case <-t.closed:
			return
		default:
		}
		if err != nil {
			continue
		}
		t.serve(parse(buf[:n], addrPort(from)))
	}
}

// parse reads as much of a packet as there is.
func parse(p []byte, from netip.AddrPort) Request {
	r := Request{At: time.Now(), From: from, Raw: slices.Clone(p)}
	r.Request, _ = packet.ParseRequest(p)
	switch r.Action {
	case packet.Announce:
		r.Announce, _ = packet.ParseAnnounce(p)
	case packet.Scrape:
		for i := range packet.ScrapeHashes(p) {
			r.Hashes = append(r.Hashes, packet.ScrapeHash(p, i))
		}
	}
	return r
}

// serve notes a request and answers it as the script says.
func (t *Tracker) serve(r Request) {
	t.mu.Lock()
	script := t.script
	t.mu.Unlock()
	var reply Reply
	if script != nil {
		reply = script(r)
	}
	t.mu.Lock()
	packets := t.answer(r, reply)
	t.seen = append(t.seen, r)
	close(t.more)
	t.more = make(chan struct{})
	t.mu.Unlock()
	if reply.Drop {
		return
	}
	via := t.pc
	if reply.Via != nil {
		via = reply.Via
	}
	t.send(via, packets, r.From, reply.Delay)
}

// send sends packets now or after a delay, unless the Tracker ends before.
func (t *Tracker) send(via net.PacketConn, packets [][]byte, to netip.AddrPort, delay time.Duration) {
	write := func() {
		for _, p := range packets {
			via.WriteTo(p, net.UDPAddrFromAddrPort(to))
		}
	}
	if delay == 0 {
		write()
		return
	}
	t.busy.Go(func() {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			write()
		case <-t.closed:
		}
	})
}

func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
