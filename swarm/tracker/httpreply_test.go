package tracker

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// str is a bencoded string.
func str(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }

const (
	two4 = "\x0a\x00\x00\x01\x1a\xe1\x0a\x00\x00\x02\x1f\x90" // 10.0.0.1:6881, 10.0.0.2:8080
	one6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1"
)

// httpAnnounces are answers to announces. Those without want are malformed.
var httpAnnounces = []struct {
	name, body string
	from       netip.Addr
	want       *Response
	id         string
}{
	{"compact", "d8:completei3e10:incompletei4e8:intervali1800e12:min intervali900e5:peers" + str(two4) + "e", from4,
		&Response{Interval: 30 * time.Minute, MinInterval: 15 * time.Minute, Seeders: 3, Leechers: 4, Peers: ports4("10.0.0.1:6881 10.0.0.2:8080")}, ""},
	{"both families", "d8:intervali60e5:peers" + str(two4) + "6:peers6" + str(one6) + "e", from4,
		&Response{Interval: time.Minute, Peers: ports4("10.0.0.1:6881 10.0.0.2:8080 [2001:db8::1]:6881")}, ""},
	{"dictionaries", "d8:intervali60e5:peersl" +
		"d2:ip8:10.0.0.17:peer id20:xxxxxxxxxxxxxxxxxxxx4:porti6881ee" + "d2:ip11:2001:db8::14:porti7001eee" + "e", from4,
		&Response{Interval: time.Minute, Peers: ports4("10.0.0.1:6881 [2001:db8::1]:7001")}, ""},
	{"dictionaries of no use", "d8:intervali60e5:peersl" +
		"d2:ip11:t.example.x4:porti1ee" + "d2:ip9:127.0.0.14:porti1ee" + "d2:ip8:10.0.0.14:porti0ee" + "d2:ip8:10.0.0.14:porti65536ee" +
		"d2:ip8:10.0.0.14:porti-1ee" + "d2:ip8:10.0.0.14:port4:6881e" + "d2:ipi1e4:porti1ee" + "d2:ip8:10.0.0.1e" + "d4:porti1ee" + "de" +
		"d2:ip12:fe80::1%eth04:porti1ee" + "d2:ip16:2001:db8::1%eth04:porti1ee" + "d2:ip7:0.0.0.04:porti1ee" + "ee", from4,
		&Response{Interval: time.Minute}, ""},
	{"keys out of order, white space behind", "d5:peers0:8:intervali60ee\r\n ", from4, &Response{Interval: time.Minute}, ""},
	{"no interval", "d5:peers0:e", from4, &Response{Interval: 30 * time.Minute}, ""},
	{"no peers", "d8:intervali60ee", from4, &Response{Interval: time.Minute}, ""},
	{"an empty list", "d5:peerslee", from4, &Response{Interval: 30 * time.Minute}, ""},
	{"warning and id", "d8:intervali60e10:tracker id3:abc15:warning message4:slowe", from4, &Response{Interval: time.Minute, Warning: "slow"}, "abc"},
	{"a long warning", "d8:intervali60e15:warning message" + str(strings.Repeat("x", 300)) + "e", from4,
		&Response{Interval: time.Minute, Warning: strings.Repeat("x", 200)}, ""},
	{"interval of 0", "d8:intervali0e5:peers0:e", from4, &Response{Interval: 30 * time.Minute}, ""},
	{"negative interval", "d8:intervali-5ee", from4, &Response{Interval: MinInterval}, ""},
	{"huge intervals", "d8:intervali9223372036854775807e12:min intervali9223372036854775807ee", from4, &Response{Interval: MaxInterval, MinInterval: MaxInterval}, ""},
	{"the least intervals", "d8:intervali-9223372036854775808e12:min intervali-9223372036854775808ee", from4, &Response{Interval: MinInterval}, ""},
	{"min interval above interval", "d8:intervali60e12:min intervali120ee", from4, &Response{Interval: 2 * time.Minute, MinInterval: 2 * time.Minute}, ""},
	{"min interval of 1", "d8:intervali60e12:min intervali1ee", from4, &Response{Interval: time.Minute, MinInterval: MinInterval}, ""},
	{"figures out of range", "d8:completei-1e10:incompletei99999999999e8:intervali60ee", from4, &Response{Interval: time.Minute, Leechers: 1<<31 - 1}, ""},
	{"figures of other types", "d8:complete1:310:incompletele8:intervali60e12:min intervald1:ai1ee10:tracker idi5e15:warning messagelee", from4,
		&Response{Interval: time.Minute}, ""},
	{"unknown keys", "d5:aliasl1:ad1:bi1eee11:external ip4:\x01\x02\x03\x048:intervali60ee", from4, &Response{Interval: time.Minute}, ""},
	{"loopback from loopback", "d5:peers6:\x7f\x00\x00\x02\x1f\x90e", local, &Response{Interval: 30 * time.Minute, Peers: ports4("127.0.0.2:8080")}, ""},
	{"loopback from elsewhere", "d5:peers6:\x7f\x00\x00\x02\x1f\x90e", from4, &Response{Interval: 30 * time.Minute}, ""},
	{"repeats", "d5:peers" + str(two4+two4) + "6:peers6" + str("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01\x1a\xe1") + "e", from4,
		&Response{Interval: 30 * time.Minute, Peers: ports4("10.0.0.1:6881 10.0.0.2:8080")}, ""},

	{"nothing", "", from4, nil, ""},
	{"an empty dictionary", "de", from4, nil, ""},
	{"interval of another type only", "d8:interval2:60e", from4, nil, ""},
	{"HTML", "<html>not found</html>", from4, nil, ""},
	{"a list", "le", from4, nil, ""},
	{"a string", "4:spam", from4, nil, ""},
	{"cut off", "d8:intervali60e5:peers12:\x0a\x00", from4, nil, ""},
	{"bytes behind", "d8:intervali60eex", from4, nil, ""},
	{"an odd list", "d5:peers7:\x0a\x00\x00\x01\x1a\xe1\x00e", from4, nil, ""},
	{"an odd list of IPv6", "d6:peers66:\x0a\x00\x00\x01\x1a\xe1e", from4, nil, ""},
	{"peers that are a number", "d5:peersi6ee", from4, nil, ""},
	{"peers that are a dictionary", "d5:peersd2:ip8:10.0.0.1ee", from4, nil, ""},
	{"peers that are numbers", "d5:peersli1ei2eee", from4, nil, ""},
	{"repeated keys", "d8:intervali60e8:intervali60ee", from4, nil, ""},
	{"nested too deep", "d5:peers" + strings.Repeat("l", 200) + strings.Repeat("e", 200) + "e", from4, nil, ""},
	{"a length that lies", "d5:peers99999999999:xe", from4, nil, ""},
	{"too many values", "d5:peers0:1:xl" + strings.Repeat("i1e", 110_000) + "ee", from4, nil, ""},
	{"a failure that is a list", "d14:failure reasonlee", from4, nil, ""},
}

func ports4(s string) (out []netip.AddrPort) {
	for _, f := range strings.Fields(s) {
		out = append(out, netip.MustParseAddrPort(f))
	}
	return out
}

func TestHTTPAnnounceReply(t *testing.T) {
	for _, c := range httpAnnounces {
		got, id, err := httpAnnounceReply([]byte(c.body), c.from)
		if c.want == nil {
			if !errors.Is(err, ErrReply) {
				t.Errorf("%s: got %+v, %v, want %v", c.name, got, err, ErrReply)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, *c.want) || id != c.id {
			t.Errorf("%s: got %+v, %q, %v, want %+v", c.name, got, id, err, *c.want)
		}
	}
}

func TestHTTPFailure(t *testing.T) {
	for body, want := range map[string]string{
		"d14:failure reason3:no!e":                                   "no!",
		"d14:failure reason0:e":                                      "",
		"d14:failure reason3:no!8:intervali60e5:peers0:e":            "no!",
		"d8:intervali60e5:peers0:14:failure reason3:no!e":            "no!",
		"d14:failure reason" + str(strings.Repeat("x", 60000)) + "e": strings.Repeat("x", 200),
		"d14:failure reason4:\x1b[2Je":                               "\x1b[2J",
	} {
		_, _, err := httpAnnounceReply([]byte(body), from4)
		var refused *Refusal
		if !errors.As(err, &refused) || refused.Message != want || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%.60q: got %v, want %q", body, err, want)
		}
		if _, err := httpScrapeReply([]byte(body), nil); !errors.As(err, &refused) {
			t.Errorf("%.60q: scrape: got %v", body, err)
		}
	}
}

// TestHTTPManyPeers: no more than MaxPeers of one answer, however they come.
func TestHTTPManyPeers(t *testing.T) {
	var p []byte
	var list strings.Builder
	for i := range 10_000 {
		p = append(p, 10, 1, byte(i>>8), byte(i), 0x1a, 0xe1)
		list.WriteString("d2:ip" + str(fmt.Sprintf("10.2.%d.%d", i>>8, i&255)) + "4:porti6881ee")
	}
	body := "d5:peersl" + list.String() + "e6:peers6" + str(strings.Repeat(one6, 100)) + "e"
	for _, body := range []string{body, "d5:peers" + str(string(p)) + "e"} {
		got, _, err := httpAnnounceReply([]byte(body), from4)
		if err != nil || len(got.Peers) != MaxPeers {
			t.Errorf("%d peers, %v", len(got.Peers), err)
		}
	}
}

func TestHTTPScrapeReply(t *testing.T) {
	a, b := [20]byte([]byte("aaaaaaaaaaaaaaaaaaaa")), [20]byte([]byte("bbbbbbbbbbbbbbbbbbbb"))
	for _, c := range []struct {
		body string
		want []Scraped
	}{
		{"d5:filesd20:" + string(a[:]) + "d8:completei1e10:downloadedi2e10:incompletei3e4:name1:xeee", []Scraped{{1, 2, 3}, {}}},
		{"d5:filesd20:" + string(b[:]) + "d8:completei-1e10:downloadedi99999999999e10:incompletelee20:" + string(a[:]) + "deee", []Scraped{{}, {0, 1<<31 - 1, 0}}},
		{"d5:filesde5:flagsd20:min_request_intervali9eee\n", []Scraped{{}, {}}},
		{"d5:filesd3:xyzd8:completei1eeee", []Scraped{{}, {}}},
		{"de", nil},
		{"d5:filesle", nil},
		{"d5:fileslee", nil},
		{"d5:filesi1ee", nil},
		{"d5:filesd20:" + string(a[:]) + "i1eee", nil},
		{"", nil},
	} {
		got, err := httpScrapeReply([]byte(c.body), [][20]byte{a, b})
		if c.want == nil && !errors.Is(err, ErrReply) || c.want != nil && (err != nil || !slices.Equal(got, c.want)) {
			t.Errorf("%q: got %+v, %v, want %+v", c.body, got, err, c.want)
		}
	}
}

// TestScrapeURL: the examples of BEP 48, and some more.
func TestScrapeURL(t *testing.T) {
	for announce, want := range map[string]string{
		"http://example.com/announce":              "/scrape",
		"http://example.com/x/announce":            "/x/scrape",
		"http://example.com/announce.php":          "/scrape.php",
		"http://example.com/a":                     "",
		"http://example.com/announce?x2%0644":      "/scrape?x2%0644",
		"http://example.com/announce?x=2/4":        "",
		"http://example.com/x%064announce":         "",
		"http://example.com":                       "",
		"http://example.com/":                      "",
		"http://example.com/announce/x":            "",
		"http://example.com/announce/announcement": "/announce/scrapement",
	} {
		u, err := parseURL(announce)
		if err != nil {
			t.Fatal(err)
		}
		got, err := u.scrape()
		if got.data != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, ErrNoScrape) {
			t.Errorf("%s: got %q, %v, want %q", announce, got.data, err, want)
		}
		if err == nil && got.announce != (want != "/announce/scrapement") {
			t.Errorf("%s: may be asked of any host: %v", announce, got.announce)
		}
	}
}

func TestDepth(t *testing.T) {
	for _, c := range []struct {
		addrs string
		want  int
	}{
		{"8.8.8.8 192.0.2.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 2001:db8::1 2606:4700::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1", onInternet},
		{"10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 fd00::1 fc00::1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1 2002:a00:1::1 64:ff9b:1::10.0.0.1 ::10.0.0.1 198.18.0.1", onPrivate},
		{"169.254.169.254 fe80::1 fe80::1%eth0 ::ffff:169.254.0.1 224.0.0.1 255.255.255.255 ff02::1", onLink},
		{"127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1 0.0.0.0 0.1.2.3 :: 64:ff9b::127.0.0.1 2002:7f00:1::1 ::127.0.0.1", onHost},
	} {
		for _, a := range strings.Fields(c.addrs) {
			if got := depth(netip.MustParseAddr(a)); got != c.want {
				t.Errorf("%s: got %d, want %d", a, got, c.want)
			}
		}
	}
}

// FuzzHTTPReply reads anything as every kind of answer over HTTP: no panic, and
// what comes out holds to the bounds.
func FuzzHTTPReply(f *testing.F) {
	for _, c := range httpAnnounces {
		if len(c.body) < 1000 {
			f.Add([]byte(c.body))
			f.Add([]byte(c.body[:len(c.body)/2]))
			f.Add([]byte(strings.Replace(c.body, "i", "i-", 1)))
		}
	}
	hashes := [][20]byte{[20]byte([]byte("aaaaaaaaaaaaaaaaaaaa")), {}}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, id, err := httpAnnounceReply(body, from4)
		var refused *Refusal
		switch {
		case errors.As(err, &refused):
			if len(refused.Message) > maxMessage {
				t.Fatalf("refusal of %d bytes", len(refused.Message))
			}
		case err != nil && !errors.Is(err, ErrReply):
			t.Fatalf("error %v is none of ours", err)
		case err == nil:
			checkResponse(t, r)
			if len(id) > len(body) {
				t.Fatalf("id of %d bytes", len(id))
			}
		}
		s, err := httpScrapeReply(body, hashes)
		if err == nil && len(s) != len(hashes) {
			t.Fatalf("%d figures", len(s))
		}
		for _, x := range s {
			if x.Seeders < 0 || x.Leechers < 0 || x.Completed < 0 {
				t.Fatalf("figures %+v", x)
			}
		}
	})
}

func checkResponse(t *testing.T, r Response) {
	if r.Interval < MinInterval || r.Interval > MaxInterval || r.MinInterval < 0 || r.MinInterval > r.Interval || r.Seeders < 0 || r.Leechers < 0 ||
		len(r.Peers) > MaxPeers || len(r.Warning) > maxMessage {
		t.Fatalf("got %+v", r)
	}
	for i, p := range r.Peers {
		if !dialable(p, from4) || p.Addr().Is4In6() || slices.Contains(r.Peers[:i], p) {
			t.Fatalf("peer %v", p)
		}
	}
}
