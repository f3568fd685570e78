package packet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// unhex turns spaced hexadecimal digits into bytes.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	infoHash = [20]byte([]byte("ABCDEFGHIJKLMNOPQRST"))
	peerID   = [20]byte([]byte("-PF0001-abcdefghijkl"))
)

// announceHex is an announce request field by field, in the order of BEP 15.
const announceHex = `
	1122334455667788 00000001 0a0b0c0d
	4142434445464748494a4b4c4d4e4f5051525354
	2d5046303030312d6162636465666768696a6b6c
	0000000000000102 0000000100000000 7fffffffffffffff
	00000002 00000000 deadbeef ffffffff 1ae1`

var announceRequest = AnnounceRequest{
	Conn: 0x1122334455667788, Transaction: 0x0a0b0c0d, InfoHash: infoHash, PeerID: peerID,
	Downloaded: 0x102, Left: 1 << 32, Uploaded: 1<<63 - 1,
	Event: Started, Key: 0xdeadbeef, NumWant: -1, Port: 6881,
}

// golden pairs every message with its bytes, both ways.
var golden = []struct {
	name   string
	hex    string
	encode func() []byte
	decode func(p []byte) (any, error)
	want   any
	min    int // the shortest prefix that decodes
}{
	{
		"connect request", "00000417 27101980 00000000 0a0b0c0d",
		func() []byte { return AppendConnect(nil, 0x0a0b0c0d) },
		func(p []byte) (any, error) { return ParseRequest(p) },
		Request{ProtocolID, Connect, 0x0a0b0c0d}, 16,
	},
	{
		"connect reply", "00000000 0a0b0c0d 1122334455667788",
		func() []byte { return AppendConnectReply(nil, 0x0a0b0c0d, 0x1122334455667788) },
		func(p []byte) (any, error) { return ParseConnectReply(p) },
		uint64(0x1122334455667788), 16,
	},
	{
		"announce request", announceHex,
		func() []byte { return AppendAnnounce(nil, &announceRequest, "") },
		func(p []byte) (any, error) { return ParseAnnounce(p) },
		announceRequest, 98,
	},
	{
		"announce request with URL data", announceHex + "020c 2f6469723f613d6226633d64",
		func() []byte { return AppendAnnounce(nil, &announceRequest, "/dir?a=b&c=d") },
		func(p []byte) (any, error) { return ParseAnnounce(p) },
		announceRequest, 98,
	},
	{
		"announce reply over IPv4",
		"00000001 0a0b0c0d 00000708 00000003 00000002 7f000002 1ae1 0a4d0003 ffff",
		func() []byte {
			p := AppendAnnounceReply(nil, AnnounceReply{0x0a0b0c0d, 1800, 3, 2, nil})
			p = appendPeer(p, netip.MustParseAddrPort("127.0.0.2:6881"))
			return appendPeer(p, netip.MustParseAddrPort("10.77.0.3:65535"))
		},
		func(p []byte) (any, error) { return ParseAnnounceReply(p, false) },
		AnnounceReply{0x0a0b0c0d, 1800, 3, 2, []byte("\x7f\x00\x00\x02\x1a\xe1\x0a\x4d\x00\x03\xff\xff")}, 20,
	},
	{
		"announce reply over IPv6",
		"00000001 0a0b0c0d 0000001e 00000000 00000001 20010db8000000000000000000000001 1ae1",
		func() []byte {
			p := AppendAnnounceReply(nil, AnnounceReply{0x0a0b0c0d, 30, 0, 1, nil})
			return appendPeer(p, netip.MustParseAddrPort("[2001:db8::1]:6881"))
		},
		func(p []byte) (any, error) { return ParseAnnounceReply(p, true) },
		AnnounceReply{0x0a0b0c0d, 30, 0, 1, []byte(" \x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1")}, 20,
	},
	{
		"scrape request",
		"1122334455667788 00000002 0a0b0c0d 4142434445464748494a4b4c4d4e4f5051525354 2d5046303030312d6162636465666768696a6b6c",
		func() []byte { return AppendScrape(nil, 0x1122334455667788, 0x0a0b0c0d, [][20]byte{infoHash, peerID}) },
		func(p []byte) (any, error) { return ParseRequest(p) },
		Request{0x1122334455667788, Scrape, 0x0a0b0c0d}, 16,
	},
	{
		"scrape reply", "00000002 0a0b0c0d 00000005 00000007 00000001 00000000 00000000 00000000",
		func() []byte {
			p := AppendReply(nil, Reply{Scrape, 0x0a0b0c0d})
			return AppendScraped(AppendScraped(p, Scraped{5, 7, 1}), Scraped{})
		},
		func(p []byte) (any, error) { return ParseScrapeReply(p, 2) },
		[]Scraped{{5, 7, 1}, {}}, 32,
	},
	{
		"error reply", "00000003 0a0b0c0d 676f2061776179",
		func() []byte { return AppendError(nil, 0x0a0b0c0d, "go away") },
		func(p []byte) (any, error) { return ParseReply(p) },
		Reply{Error, 0x0a0b0c0d}, 8,
	},
}

func TestGolden(t *testing.T) {
	for _, c := range golden {
		want := unhex(t, c.hex)
		if got := c.encode(); !bytes.Equal(got, want) {
			t.Errorf("%s: encoded\n%x, want\n%x", c.name, got, want)
		}
		if got, err := c.decode(want); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: decoded %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

// TestTruncated cuts every message at every length: what is too short is an
// error, never a panic.
func TestTruncated(t *testing.T) {
	for _, c := range golden {
		whole := unhex(t, c.hex)
		for n := range whole {
			_, err := c.decode(whole[:n:n])
			if n < c.min && err == nil {
				t.Errorf("%s: %d bytes decoded, needs %d", c.name, n, c.min)
			}
			if n >= c.min && err != nil && !errors.Is(err, ErrOddList) {
				t.Errorf("%s: %d bytes: %v", c.name, n, err)
			}
		}
	}
}

// TestLonger puts bytes behind each message: BEP 15 wants them ignored, but a
// list of peers must be a whole number of them.
func TestLonger(t *testing.T) {
	for _, c := range golden {
		_, err := c.decode(append(unhex(t, c.hex), 0))
		if odd := strings.HasPrefix(c.name, "announce reply"); odd != errors.Is(err, ErrOddList) || !odd && err != nil {
			t.Errorf("%s: one byte more: %v", c.name, err)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want error
	}{
		{"", ErrShort},
		{"00000417 27101980 00000000 0a0b0c", ErrShort},
		{"00000417 27101981 00000000 0a0b0c0d", ErrProtocol},
		{"00000000 00000000 00000000 0a0b0c0d", ErrProtocol},
		{"00000000 00000000 00000007 0a0b0c0d", nil}, // any other action is for the caller
	} {
		if _, err := ParseRequest(unhex(t, c.hex)); err != c.want {
			t.Errorf("%q: got %v, want %v", c.hex, err, c.want)
		}
	}
}

// TestNotServed is opentracker's answer for a torrent that is not on its list.
func TestNotServed(t *testing.T) {
	p := unhex(t, "00000001 0a0b0c0d")
	for _, v6 := range []bool{false, true} {
		if _, err := ParseAnnounceReply(p, v6); err != ErrNotServed {
			t.Errorf("got %v, want %v", err, ErrNotServed)
		}
	}
}

func TestPeers(t *testing.T) {
	four := unhex(t, "7f000002 1ae1 00000000 0000 ffffffff ffff 0102")
	got := slices.Collect(Peers(four, false))
	want := []netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.2:6881"),
		netip.MustParseAddrPort("0.0.0.0:0"),
		netip.MustParseAddrPort("255.255.255.255:65535"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range Peers(four, false) {
		break // stopping early must not panic
	}
	six := unhex(t, "00000000000000000000ffff7f000001 1ae1")
	if got := slices.Collect(Peers(six, true)); len(got) != 1 || got[0].String() != "[::ffff:127.0.0.1]:6881" {
		t.Errorf("got %v", got)
	}
}

func TestScrapeHashes(t *testing.T) {
	for _, c := range []struct{ bytes, want int }{
		{0, 0}, {15, 0}, {16, 0}, {35, 0}, {36, 1}, {55, 1}, {56, 2},
		{16 + 74*20, 74}, {16 + 75*20, 74}, {65507, 74},
	} {
		if got := ScrapeHashes(make([]byte, c.bytes)); got != c.want {
			t.Errorf("%d bytes: got %d hashes, want %d", c.bytes, got, c.want)
		}
	}
	p := AppendScrape(nil, 1, 2, [][20]byte{infoHash, peerID})
	if ScrapeHash(p, 0) != infoHash || ScrapeHash(p, 1) != peerID {
		t.Error("hashes came back wrong")
	}
}

func TestActionString(t *testing.T) {
	for a, want := range map[Action]string{Connect: "connect", Announce: "announce", Scrape: "scrape", Error: "error", 9: "action 9"} {
		if got := a.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestNoAllocation holds the server's hot path to its own memory.
func TestNoAllocation(t *testing.T) {
	dst, p := make([]byte, 0, 2048), unhex(t, announceHex)
	got := testing.AllocsPerRun(100, func() {
		r, _ := ParseAnnounce(p)
		d := AppendAnnounceReply(dst, AnnounceReply{Transaction: r.Transaction, Compact: p[:12]})
		AppendConnectReply(d, r.Transaction, 1)
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestURLData goes in options of at most 255 bytes (BEP 41).
func TestURLData(t *testing.T) {
	x := strings.Repeat("x", 600)
	for _, c := range []struct{ data, want string }{
		{"", ""},
		{"/a", "\x02\x02/a"},
		{x, "\x02\xff" + x[:255] + "\x02\xff" + x[:255] + "\x02\x5a" + x[:90]},
	} {
		p := AppendAnnounce(nil, &announceRequest, c.data)
		if got := string(p[AnnounceRequestLen:]); got != c.want {
			t.Errorf("%d bytes of URL data: got %q, want %q", len(c.data), got, c.want)
		}
	}
}
