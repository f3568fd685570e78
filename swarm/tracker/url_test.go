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
	{"udp://127.0.0.1:6969", target{"127.0.0.1", 6969, ""}},
	{"udp://127.0.0.1:6969/", target{"127.0.0.1", 6969, ""}},
	{"udp://Tracker.Example.org:80/announce", target{"tracker.example.org", 80, "/announce"}},
	{"UDP://a_b-c.example.:1/announce", target{"a_b-c.example.", 1, "/announce"}},
	{"udp://A:6969", target{"a", 6969, ""}},
	{"udp://[::1]:65535/announce", target{"::1", 65535, "/announce"}},
	{"udp://[2001:DB8:0::1]:1", target{"2001:db8::1", 1, ""}},
	{"udp://[::ffff:127.0.0.1]:1", target{"127.0.0.1", 1, ""}},
	{"udp://[fe80::1%25eth0]:1", target{"fe80::1%eth0", 1, ""}},
	{"udp://t.example:1/0123456789/announce?a=b&c=d", target{"t.example", 1, "/0123456789/announce?a=b&c=d"}},
	{"udp://t.example:1/announce.php?x=%20", target{"t.example", 1, "/announce.php?x=%20"}},
	{"udp://t.example:1?x=y", target{"t.example", 1, "/?x=y"}},
	{"udp://xn--bcher-kva.example:1", target{"xn--bcher-kva.example", 1, ""}},
	{"udp://" + strings.Repeat("a.", 126) + "bc:1", target{strings.Repeat("a.", 126) + "bc", 1, ""}},
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
	{"http://t.example/announce", "not supported yet"},
	{"https://t.example:443/announce", "not supported yet"},
	{"wss://t.example", "not supported yet"},
	{"file:///etc/passwd", "not supported yet"},
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
	if err := ParseURL("http://t.example/announce"); !errors.Is(err, ErrUnsupported) {
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
		if len(s) > maxURL || len(got.host) > maxHost || got.host == "" || got.port == 0 || len(got.urlData) > 3*maxURL {
			t.Fatalf("%q became %+v", s, got)
		}
		if strings.ContainsAny(got.String(), "\x00\r\n ") {
			t.Fatalf("%q prints as %q", s, got)
		}
	})
}
