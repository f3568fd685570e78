package tracker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/tracker/packet"
	"p2pfs/swarm/tracker/trackertest"
)

var (
	from4 = netip.MustParseAddr("10.0.0.1")
	from6 = netip.MustParseAddr("2001:db8::1")
	local = netip.MustParseAddr("127.0.0.1")
)

func reply(interval, leechers, seeders int32, peers ...string) []byte {
	p := packet.AppendAnnounceReply(nil, packet.AnnounceReply{Transaction: 7, Interval: interval, Leechers: leechers, Seeders: seeders})
	for _, s := range peers {
		p = trackertest.AppendPeer(p, netip.MustParseAddrPort(s))
	}
	return p
}

func TestPeersFiltered(t *testing.T) {
	for _, c := range []struct {
		from  netip.Addr
		peers string
		want  string
	}{
		{from4, "", ""},
		{from4, "10.0.0.9:1024 10.0.0.9:65535 192.168.1.1:1023 192.168.1.1:8080", "10.0.0.9:1024 10.0.0.9:65535 192.168.1.1:8080"},
		{from4, "10.0.0.9:0 0.0.0.0:7001 0.1.2.3:7001 224.0.0.1:7001 239.255.255.255:7001 255.255.255.255:7001 169.254.1.1:7001", ""},
		{from4, "10.0.0.9:7001 10.0.0.9:7001 10.0.0.9:7002 10.0.0.9:7001", "10.0.0.9:7001 10.0.0.9:7002"},
		{from4, "127.0.0.1:7001 127.9.9.9:7001", ""},
		{netip.MustParseAddr("203.0.113.1"), "10.0.0.9:7001 192.168.1.1:7001 100.64.1.1:7001 127.0.0.1:7001 198.51.100.1:7001", "198.51.100.1:7001"},
		{local, "127.0.0.1:7001 127.9.9.9:7001 10.0.0.9:7001", "127.0.0.1:7001 127.9.9.9:7001 10.0.0.9:7001"},
		{from6, "[2001:db8::9]:7001 [::]:7001 [ff02::1]:7001 [fe80::1]:7001 [::1]:7001 [2001:db8::9]:0", "[2001:db8::9]:7001"},
		{from6, "[::ffff:203.0.113.9]:7001 [::ffff:10.0.0.9]:7001 [::ffff:127.0.0.1]:7001 [::ffff:0.0.0.0]:7001 [::ffff:255.255.255.255]:7001", "203.0.113.9:7001"},
		{netip.IPv6Loopback(), "[::1]:7001", "[::1]:7001"},
	} {
		got, err := announceReply(reply(1800, 0, 0, strings.Fields(c.peers)...), c.from)
		var s []string
		for _, p := range got.Peers {
			s = append(s, p.String())
		}
		if text := strings.Join(s, " "); err != nil || text != c.want {
			t.Errorf("from %v, %s:\ngot  %s, %v\nwant %s", c.from, c.peers, text, err, c.want)
		}
	}
}

// TestManyPeers: what a whole datagram of false addresses gives.
func TestManyPeers(t *testing.T) {
	p := reply(1800, 0, 0)
	for i := range 10900 {
		p = binary.BigEndian.AppendUint32(p, 0x0a000000+uint32(i))
		p = binary.BigEndian.AppendUint16(p, 6881)
	}
	got, err := announceReply(p, from4)
	if err != nil || len(got.Peers) != MaxPeers {
		t.Errorf("%d peers, %v", len(got.Peers), err)
	}
}

func TestIntervalClamped(t *testing.T) {
	for _, c := range []struct {
		seconds int32
		want    time.Duration
	}{
		{0, MinInterval}, {-1, MinInterval}, {-1 << 31, MinInterval}, {29, MinInterval}, {30, 30 * time.Second},
		{1800, 30 * time.Minute}, {3600, time.Hour}, {3601, MaxInterval}, {1<<31 - 1, MaxInterval},
	} {
		got, err := announceReply(reply(c.seconds, -5, -6), from4)
		if err != nil || got.Interval != c.want || got.Leechers != 0 || got.Seeders != 0 {
			t.Errorf("%d: got %+v, %v, want %v", c.seconds, got, err, c.want)
		}
	}
}

// TestBadReplies: answers that bear the right transaction id and are wrong.
func TestBadReplies(t *testing.T) {
	head := func(action uint32, rest string) []byte {
		p := binary.BigEndian.AppendUint32(nil, action)
		return append(binary.BigEndian.AppendUint32(p, 7), rest...)
	}
	var refused *Refusal
	for _, c := range []struct {
		name string
		p    []byte
		want error // nil: a Refusal
	}{
		{"opentracker's answer for an unlisted torrent", head(1, ""), ErrNotServed},
		{"short by one", reply(1, 2, 3)[:19], ErrReply},
		{"one byte behind the head", head(1, "x"), ErrReply},
		{"odd list", append(reply(1, 2, 3, "10.0.0.9:1"), 1), ErrReply},
		{"connect for announce", head(0, strings.Repeat("x", 12)), ErrReply},
		{"scrape for announce", head(2, strings.Repeat("x", 12)), ErrReply},
		{"unknown action", head(1<<31, strings.Repeat("x", 12)), ErrReply},
		{"error", head(3, "torrent not found"), nil},
		{"error without text", head(3, ""), nil},
		{"error of 60 kB", head(3, strings.Repeat("<script>\x1b[2J\n", 5000)), nil},
		{"empty", nil, ErrReply},
	} {
		_, err := announceReply(c.p, from4)
		if c.want == nil && !errors.As(err, &refused) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		if text := err.Error(); len(text) > 1000 || strings.ContainsAny(text, "\n\x1b\x00") {
			t.Errorf("%s: error of %d bytes: %q", c.name, len(text), text)
		}
		if _, err := connReply(c.p); err == nil && c.name != "connect for announce" {
			t.Errorf("%s: taken for a connect reply", c.name)
		}
	}
}

func TestRefusalText(t *testing.T) {
	err := refusal(packet.AppendError(nil, 1, strings.Repeat("é", 500)))
	var refused *Refusal
	if !errors.As(err, &refused) || len(refused.Message) != 200 {
		t.Fatalf("got %v", err)
	}
	if got := (&Refusal{"a\"\x00\xff"}).Error(); got != `tracker refused: "a\"\x00\xff"` {
		t.Errorf("got %s", got)
	}
}

// FuzzReply reads anything as an answer to every question: no panic, and what is
// returned is within the bounds that the package promises.
func FuzzReply(f *testing.F) {
	good := [][]byte{
		packet.AppendConnectReply(nil, 7, 42),
		reply(1800, 2, 3, "10.0.0.9:1", "127.0.0.1:2", "255.255.255.255:3"),
		reply(-1, -2, -3, "[2001:db8::9]:1", "[::ffff:10.0.0.9]:2"),
		packet.AppendScraped(packet.AppendReply(nil, packet.Reply{Action: packet.Scrape}), packet.Scraped{Seeders: 1, Completed: -2, Leechers: 3}),
		packet.AppendError(nil, 7, "no <b>such</b>\n torrent"),
	}
	for _, p := range good {
		for n := 0; n <= len(p); n += 2 {
			f.Add(p[:n])
			changed := bytes.Clone(p)
			changed[n%len(p)] ^= 0x81
			f.Add(changed)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		connReply(p)
		for _, from := range []netip.Addr{from4, from6, local} {
			r, err := announceReply(p, from)
			if err != nil {
				if len(err.Error()) > 1200 {
					t.Fatalf("error of %d bytes", len(err.Error()))
				}
				continue
			}
			if r.Interval < MinInterval || r.Interval > MaxInterval || r.Seeders < 0 || r.Leechers < 0 || len(r.Peers) > MaxPeers {
				t.Fatalf("%x became %+v", p, r)
			}
			for i, peer := range r.Peers {
				if !dialable(peer, from) || slices.Contains(r.Peers[:i], peer) || peer.Addr().Is4In6() {
					t.Fatalf("%x has peer %v", p, peer)
				}
			}
		}
		if all, err := scrapeReply(p, 2); err == nil && (len(all) != 2 || min(all[0].Seeders, all[1].Leechers) < 0) {
			t.Fatalf("%x became %+v", p, all)
		}
	})
}
