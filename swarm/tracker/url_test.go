package tracker

import (
	"errors"
	"strings"
	"testing"
)

var goodURLs = []struct {
	url  string
	want target
}{
	{"udp://127.0.0.1:6969", target{"udp", "127.0.0.1", 6969, "", false, false}},
	{"udp://127.0.0.1:6969/", target{"udp", "127.0.0.1", 6969, "", false, false}},
	{"udp://Tracker.Example.org:80/announce", target{"udp", "tracker.example.org", 80, "/announce", true, false}},
	{"UDP://a_b-c.example.:1/announce", target{"udp", "a_b-c.example.", 1, "/announce", true, false}},
	{"udp://A:6969", target{"udp", "a", 6969, "", false, false}},
	{"udp://[::1]:65535/announce", target{"udp", "::1", 65535, "/announce", true, false}},
	{"udp://[2001:DB8:0::1]:1", target{"udp", "2001:db8::1", 1, "", false, false}},
	{"udp://[::ffff:127.0.0.1]:1", target{"udp", "127.0.0.1", 1, "", false, false}},
	{"udp://[fe80::1%25eth0]:1", target{"udp", "fe80::1%eth0", 1, "", false, false}},
	{"udp://t.example:1/0123456789/announce?a=b&c=d", target{"udp", "t.example", 1, "/0123456789/announce?a=b&c=d", true, false}},
	{"udp://t.example:1/announce.php?x=%20", target{"udp", "t.example", 1, "/announce.php?x=%20", true, false}},
	{"udp://t.example:1?x=y", target{"udp", "t.example", 1, "/?x=y", false, false}},
	{"http://t.example/announce", target{"http", "t.example", 80, "/announce", true, false}},
	{"HTTP://T.example:8080/x/announce.php?k=v", target{"http", "t.example", 8080, "/x/announce.php?k=v", true, false}},
	{"https://t.example/announce?", target{"https", "t.example", 443, "/announce?", true, false}},
	{"https://t.example:/announce", target{"https", "t.example", 443, "/announce", true, false}},
	{"https://t.example", target{"https", "t.example", 443, "/", false, false}},
	{"http://t.example/ann?pk=1", target{"http", "t.example", 80, "/ann?pk=1", false, false}},
	{"http://t.example?passkey=1", target{"http", "t.example", 80, "/?passkey=1", false, false}},
	{"http://8.8.8.8/x", target{"http", "8.8.8.8", 80, "/x", false, false}},
	{"http://127.0.0.1:80/announce", target{"http", "127.0.0.1", 80, "/announce", true, false}},
	{"http://[::1]/x/announce", target{"http", "::1", 80, "/x/announce", true, false}},
	{"http://localhost/announce", target{"http", "localhost", 80, "/announce", true, false}},
	{"http://t.example/a b/announce?x=y z\xff\"é", target{"http", "t.example", 80, "/a%20b/announce?x=y%20z%FF\"%C3%A9", true, false}},
	{"udp://xn--bcher-kva.example:1", target{"udp", "xn--bcher-kva.example", 1, "", false, false}},
	{"udp://" + strings.Repeat("a.", 126) + "bc:1", target{"udp", strings.Repeat("a.", 126) + "bc", 1, "", false, false}},
}

func TestParseURL(t *testing.T) {
	for _, c := range goodURLs {
		got, err := parseURL(c.url)
		if err != nil || got != c.want {
			t.Errorf("%q: got %+v, %v, want %+v", c.url, got, err, c.want)
		}
		if err := ParseURL(c.url); err != nil {
			t.Errorf("%q: %v", c.url, err)
		}
	}
}

var badURLs = []struct{ url, why string }{
	{"", "no scheme"},
	{"127.0.0.1:6969", "not a URL"},
	{"//host:1", "no scheme"},
	{"wss://t.example", "not supported"},
	{"file:///etc/passwd", "not supported"},
	{"ftp://t.example/announce", "not supported"},
	{"javascript:announce", "not supported"},
	{"http://", "no host"},
	{"http:///announce", "no host"},
	{"http:t.example/announce", "only host, port"},
	{"http://t.example:0/announce", "port"},
	{"http://t.example:65536/announce", "port"},
	{"http://u:p@t.example/announce", "only host, port"},
	{"http://t.example/announce#x", "only host, port"},
	{"http://2130706433/announce", "neither an address"},
	{"http://0.0.0.0/announce", "one machine"},
	{"http://t.example/announce\r\nX: y", "not a URL"},
	{"http://t.example/ann\x7founce", "not a URL"},
	{"http://127.0.0.1/", "announce path"},
	{"http://127.0.0.1", "announce path"},
	{"http://127.0.0.1/shutdown?announce", "announce path"},
	{"http://127.0.0.1/announcement", "announce path"},
	{"http://[::1]/x", "announce path"},
	{"http://[::ffff:10.0.0.1]/x", "announce path"},
	{"http://[64:ff9b::10.0.0.1]/x", "announce path"},
	{"http://[2002:a00:1::1]/x", "announce path"},
	{"http://192.168.1.1/reboot", "announce path"},
	{"http://10.0.0.1/", "announce path"},
	{"https://172.31.0.1/x", "announce path"},
	{"http://100.64.0.1/x", "announce path"},
	{"http://169.254.169.254/latest/meta-data/", "announce path"},
	{"http://[fe80::1%25eth0]/x", "announce path"},
	{"http://[fd00::1]/x", "announce path"},
	{"http://localhost/x", "announce path"},
	{"http://x.LocalHost./x", "announce path"},
	{"udp:t.example:1", "only host, port"},
	{"udp://", "no host"},
	{"udp://:6969", "no host"},
	{"udp://t.example", "port"},
	{"udp://t.example:", "port"},
	{"udp://t.example:0", "port"},
	{"udp://t.example:65536", "port"},
	{"udp://t.example:-1", "not a URL"},
	{"udp://t.example:http", "not a URL"},
	{"udp://user@t.example:1", "only host, port"},
	{"udp://user:pass@t.example:1", "only host, port"},
	{"udp://t.example:1/announce#x", "only host, port"},
	{"udp://t.example:1/etc/passwd", "announce path"},
	{"udp://t.example:1/announcement", "announce path"},
	{"udp://t.example:1/?announce", ""},
	{"udp://t.example:1/xannounce", "announce path"},
	{"udp://bücher.example:1", "domain name"},
	{"udp://b%C3%BCcher.example:1", "domain name"},
	{"udp://a..b:1", "domain name"},
	{"udp://.:1", "domain name"},
	{"udp://a b:1", "not a URL"},
	{"udp://a\x00b:1", "not a URL"},
	{"udp://a%00b:1", "not a URL"},
	{"udp://127.1:1", "neither an address"},
	{"udp://2130706433:1", "neither an address"},
	{"udp://0x7f000001:1", "neither an address"},
	{"udp://0x7f.1:1", "neither an address"},
	{"udp://127.0.0.1.:1", "neither an address"},
	{"udp://256.0.0.1:1", "neither an address"},
	{"udp://0.0.0.0:1", "one machine"},
	{"udp://[::]:1", "one machine"},
	{"udp://224.0.0.1:1", "one machine"},
	{"udp://255.255.255.255:1", "one machine"},
	{"udp://[ff02::1]:1", "one machine"},
	{"udp://[::1:1", "not a URL"},
	{"udp://" + strings.Repeat("a", 64) + ".example:1", "domain name"},
	{"udp://" + strings.Repeat("a.", 127) + "bc:1", "longer than 255"},
	{"udp://t.example:1/announce?" + strings.Repeat("x", 1024), "longer than 1024"},
}

func TestParseURLRefuses(t *testing.T) {
	for _, c := range badURLs {
		err := ParseURL(c.url)
		if c.why == "" {
			if err != nil {
				t.Errorf("%q: %v", c.url, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: got %v, want an error with %q", c.url, err, c.why)
		}
		if err != nil && len(err.Error()) > 1024 {
			t.Errorf("%q: error of %d bytes", c.url, len(err.Error()))
		}
	}
	if err := ParseURL("wss://t.example/announce"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v, want %v", err, ErrUnsupported)
	}
}

// FuzzParseURL: whatever is accepted holds to the rules, and means the same when
// it is written again.
func FuzzParseURL(f *testing.F) {
	for _, c := range goodURLs {
		f.Add(c.url)
		f.Add(c.url[:len(c.url)/2] + "%00" + c.url[len(c.url)/2:])
		f.Add(c.url + "/announce")
	}
	for _, c := range badURLs {
		f.Add(c.url)
		f.Add(c.url + "6969/announce")
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseURL(s)
		if err != nil {
			return
		}
		if len(s) > maxURL || len(got.host) > maxHost || got.host == "" || got.port == 0 || len(got.data) > 3*maxURL {
			t.Fatalf("%q became %+v", s, got)
		}
		if got.scheme != "udp" {
			u, err := got.url()
			if err != nil || u.RequestURI() != got.data || got.data[0] != '/' || strings.ContainsFunc(got.data, func(r rune) bool { return r > 0x7e || r <= ' ' }) {
				t.Fatalf("%q asks for %q, in a URL for %q (%v)", s, got.data, u.RequestURI(), err)
			}
		}
		if strings.ContainsAny(got.String(), "\x00\r\n ") {
			t.Fatalf("%q prints as %q", s, got)
		}
	})
}

func TestIdentity(t *testing.T) {
	for _, same := range [][]string{
		{"udp://tracker.test:80", "udp://tracker.test:80/", "udp://tracker.test:80/announce", "udp://TRACKER.test:80/announce"},
		{"udp://tracker.test:80/announce?key=1"},
		{"http://tracker.test/announce", "http://tracker.test:80/announce"},
		{"https://tracker.test/announce"},
		{"http://tracker.test/"},
		{"not a url"},
	} {
		for _, url := range same {
			for _, other := range same {
				if Identity(url) != Identity(other) {
					t.Errorf("%s and %s are told apart", url, other)
				}
			}
		}
	}
	if Identity("udp://a:80/announce") == Identity("udp://a:81/announce") || Identity("udp://a:80/x/announce") == Identity("udp://a:80") {
		t.Error("different trackers are taken for one")
	}
}
