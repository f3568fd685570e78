package server

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker/packet"
)

const conn0 = "000000000494f918" // the id of 127.0.0.2 in the first minute, by testIDs

// A bench is a handler with known ids, asked from 127.0.0.2 unless told otherwise.
type bench struct {
	t testing.TB
	h *handler
	r route
}

func newBench(t testing.TB, cfg Config) *bench {
	s := New(cfg)
	s.ids = testIDs()
	return &bench{t, s.newHandler(), route{
		from: netip.MustParseAddrPort("127.0.0.2:5000"), to: netip.MustParseAddr("127.0.0.1"), port: 6969,
	}}
}

// from returns the bench as asked from another address.
func (b *bench) from(addr string) *bench {
	c := *b
	c.r.from = netip.MustParseAddrPort(addr)
	return &c
}

// ask sends what s says in hexadecimal.
func (b *bench) ask(s string) string {
	b.t.Helper()
	p, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		b.t.Fatal(err)
	}
	return hex.EncodeToString(b.h.handle(p, b.r))
}

// conn is a good connection id for the asker.
func (b *bench) conn() uint64 { return b.h.sign.issue(b.r.from.Addr(), b.h.s.now()) }

func (b *bench) announce(req packet.AnnounceRequest) packet.AnnounceReply {
	b.t.Helper()
	req.Conn = b.conn()
	if req.Port == 0 {
		req.Port = 6881
	}
	p := bytes.Clone(b.h.handle(packet.AppendAnnounce(nil, &req, ""), b.r))
	r, err := packet.ParseAnnounceReply(p, b.r.from.Addr().Is6())
	if err != nil || len(p) > maxReply {
		b.t.Fatalf("reply %x: %v", p, err)
	}
	return r
}

// announceHex is an announce of port 1ae1 but for its connection id.
func announceHex(left, event, want, port string) string {
	return "00000001 0a0b0c0d" + strings.Repeat("41", 20) + strings.Repeat("42", 20) +
		"0000000000000000" + left + "0000000000000000" + event + "06060606 00000009" + want + port
}

// TestGolden is a conversation in bytes.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{Interval: 20 * time.Minute})
		started := announceHex("0000000000000005", "00000002", "ffffffff", "1ae1")
		stopped := announceHex("0000000000000005", "00000003", "ffffffff", "1ae1")
		for _, c := range []struct{ what, from, ask, want string }{
			{"connect", "127.0.0.2:5000", "00000417 27101980 00000000 0a0b0c0d", "00000000 0a0b0c0d" + conn0},
			{"first announce; its address field is ignored", "127.0.0.2:5000", conn0 + started,
				"00000001 0a0b0c0d 000004b0 00000001 00000000"},
			{"again, from another UDP port", "127.0.0.2:5001", conn0 + started,
				"00000001 0a0b0c0d 000004b0 00000001 00000000"},
			{"seeder with URL data behind", "127.0.0.2:5000",
				conn0 + announceHex("0000000000000000", "00000002", "ffffffff", "1ae2") + "0209 2f616e6e6f756e6365",
				"00000001 0a0b0c0d 000004b0 00000001 00000001 7f000002 1ae1"},
			{"no peers wanted", "127.0.0.2:5000", conn0 + announceHex("0000000000000000", "00000000", "00000000", "1ae2"),
				"00000001 0a0b0c0d 000004b0 00000001 00000001"},
			{"scrape", "127.0.0.2:5000", conn0 + "00000002 0a0b0c0d" + strings.Repeat("41", 20) + strings.Repeat("ee", 20) + "ff",
				"00000002 0a0b0c0d 00000001 00000000 00000001 00000000 00000000 00000000"},
			{"empty scrape", "127.0.0.2:5000", conn0 + "00000002 0a0b0c0d", "00000002 0a0b0c0d"},
			{"stopped", "127.0.0.2:5000", conn0 + stopped, "00000001 0a0b0c0d 000004b0 00000000 00000001"},
			{"port 0", "127.0.0.2:5000", conn0 + announceHex("0000000000000000", "00000000", "ffffffff", "0000"),
				"00000003 0a0b0c0d" + hex.EncodeToString([]byte("port 0 cannot be dialled"))},
			{"short announce", "127.0.0.2:5000", conn0 + started[:len(started)-2],
				"00000003 0a0b0c0d" + hex.EncodeToString([]byte("announce is too short"))},
			{"unknown action", "127.0.0.2:5000", conn0 + "00000004 0a0b0c0d",
				"00000003 0a0b0c0d" + hex.EncodeToString([]byte("unknown action"))},
		} {
			if got, want := b.from(c.from).ask(c.ask), strings.ReplaceAll(c.want, " ", ""); got != want {
				t.Errorf("%s: got\n%s, want\n%s", c.what, got, want)
			}
		}
	})
}

// TestSilence: what is not answered at all.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		b.r.to = netip.MustParseAddr("127.0.0.1")
		connect, good := "00000417 27101980 00000000 0a0b0c0d", announceHex("0000000000000000", "00000002", "ffffffff", "1ae1")
		for _, c := range []struct{ what, from, ask string }{
			{"nothing", "127.0.0.2:5000", ""},
			{"short connect", "127.0.0.2:5000", connect[:len(connect)-2]},
			{"connect with a wrong protocol id", "127.0.0.2:5000", "00000417 27101981 00000000 0a0b0c0d"},
			{"connect from our own address and port", "127.0.0.1:6969", connect},
			{"connect from port 0", "127.0.0.2:0", connect},
			{"no connection id", "127.0.0.2:5000", "0000000000000000" + good},
			{"wrong connection id", "127.0.0.2:5000", "000000000494f919" + good},
			{"another address's connection id", "127.0.0.3:5000", conn0 + good},
			{"error", "127.0.0.2:5000", conn0 + "00000003 0a0b0c0d 41414141"},
			{"error reply", "127.0.0.2:5000", "00000003 0a0b0c0d 4141414141414141"},
			{"unknown action, unproven", "127.0.0.2:5000", "0000000000000000 00000009 0a0b0c0d"},
			{"scrape, unproven", "127.0.0.2:5000", "0000000000000000 00000002 0a0b0c0d" + strings.Repeat("41", 40)},
		} {
			if got := b.from(c.from).ask(c.ask); got != "" {
				t.Errorf("%s: answered %s", c.what, got)
			}
		}
		if st := b.h.s.Stats(); st.Dropped != 12 || st.Swarms != 0 || st.Announces != 0 {
			t.Errorf("stats: %+v", st)
		}
		if got := b.from("127.0.0.1:6968").ask(connect); got == "" {
			t.Error("connect from our address and another port was not answered")
		}
		b.r.to = netip.Addr{} // where it cannot be told, any loopback address is ours
		if got := b.from("127.0.0.9:6969").ask(connect); got != "" {
			t.Error("connect from our own port was answered")
		}
		time.Sleep(2 * time.Minute)
		if got := b.ask(conn0 + good); got != "" {
			t.Errorf("expired connection id: answered %s", got)
		}
	})
}

// TestAnswerSize: a swarm of 1000, whatever is asked for.
func TestAnswerSize(t *testing.T) {
	b := newBench(t, Config{})
	four, six := b.from("127.0.0.2:5000"), b.from("[2001:db8::2]:5000")
	for i := range 1000 {
		b.from(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 5000).String()).announce(packet.AnnounceRequest{})
		b.from(netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 8), byte(i)}), 5000).String()).announce(packet.AnnounceRequest{})
	}
	for _, c := range []struct {
		b    *bench
		want int32
		n    int
	}{
		{four, -1, defaultWant}, {four, -1 << 31, defaultWant}, {four, 0, 0}, {four, 1, 1}, {four, 200, 200},
		{four, 1<<31 - 1, 242}, {six, -1, defaultWant}, {six, 1<<31 - 1, 80}, {six, 3, 3},
	} {
		r := c.b.announce(packet.AnnounceRequest{NumWant: c.want, Left: 1})
		if n := len(r.Compact) / packet.PeerLen(c.b == six); n != c.n {
			t.Errorf("asked for %d: got %d peers, want %d", c.want, n, c.n)
		}
		if r.Leechers+r.Seeders != 1000 {
			t.Errorf("%d leechers, %d seeders", r.Leechers, r.Seeders)
		}
	}
	p := packet.AppendScrape(nil, four.conn(), 1, make([][20]byte, 100))
	if got := four.h.handle(p, four.r); len(got) != packet.ReplyLen+74*packet.ScrapedLen {
		t.Errorf("scrape of 100: %d bytes", len(got))
	}
}

// TestExpiry: a peer that is silent for two intervals is forgotten, also when
// nobody asks.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{Interval: time.Minute})
		b.announce(packet.AnnounceRequest{Port: 1})
		time.Sleep(time.Minute)
		b.announce(packet.AnnounceRequest{Port: 2})
		time.Sleep(time.Minute)
		if r := b.announce(packet.AnnounceRequest{Port: 3}); r.Seeders != 3 {
			t.Errorf("after two intervals: %+v", r)
		}
		time.Sleep(time.Second)
		if r := b.announce(packet.AnnounceRequest{Port: 3}); r.Seeders != 2 {
			t.Errorf("a second later: %+v", r)
		}
	})
}

// FuzzRequest asks anything, with and without a good connection id: no panic, no
// answer to an error, none longer than the question before proof, none longer
// than a frame after it.
func FuzzRequest(f *testing.F) {
	b := newBench(f, Config{MaxSwarms: 50, MaxPeers: 20})
	addrs := []string{"127.0.0.2:5000", "10.0.0.2:5000", "[2001:db8::2]:5000", "[::1]:6969", "127.0.0.1:6969"}
	for i := range addrs {
		var good [][]byte
		good = append(good, packet.AppendConnect(nil, 7))
		for event := range packet.Event(4) {
			good = append(good, packet.AppendAnnounce(nil, &packet.AnnounceRequest{Event: event, Port: 1 + uint16(event), NumWant: -1, Left: uint64(event)}, "/announce"))
		}
		good = append(good, packet.AppendScrape(nil, 0, 7, make([][20]byte, 3)))
		for _, p := range good {
			for _, n := range []int{0, 8, 11, 15, 16, 40, 97, 98, 100} {
				if n <= len(p) {
					f.Add(byte(i), true, p[:n])
				}
			}
			f.Add(byte(i), false, p)
			f.Add(byte(i), true, append(p, make([]byte, 1500)...))
		}
	}
	f.Fuzz(func(t *testing.T, who byte, proven bool, p []byte) {
		b := b.from(addrs[int(who)%len(addrs)])
		if proven && len(p) >= 8 {
			p = bytes.Clone(p)
			binary.BigEndian.PutUint64(p, b.conn())
		}
		reply := b.h.handle(p, b.r)
		if len(reply) > maxReply || !proven && len(reply) > len(p) {
			t.Fatalf("%d bytes for %d", len(reply), len(p))
		}
		if len(reply) > 0 && (packet.Action(binary.BigEndian.Uint32(p[8:])) == packet.Error || !bytes.Equal(reply[4:8], p[12:16])) {
			t.Fatalf("%x was answered with %x", p, reply)
		}
		b.h.s.mu.Lock()
		defer b.h.s.mu.Unlock()
		if err := b.h.s.table.check(); err != nil {
			t.Fatal(err)
		}
	})
}
