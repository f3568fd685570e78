package tracker_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// TestRedirects: where a tracker may lead, and where not. "pub" and "far" are on
// the internet, "lan" is not, "evil" is a name that leads to this machine, and
// "mixed" one that has addresses out there and in here.
func TestRedirects(t *testing.T) {
	hosts := map[string][]string{
		"pub.example": {"192.0.2.1"}, "far.example": {"192.0.2.2"}, "lan.example": {"10.0.0.1"}, "evil.example": {"127.0.0.1"},
		"mixed.example": {"127.0.0.1", "10.0.0.1", "192.0.2.2"}, "six.example": {"2001:db8::1"},
		"nat.example": {"64:ff9b::127.0.0.1"},
	}
	for _, c := range []struct{ from, to, want, dialled string }{
		{"pub", "http://far.example/announce", "", "192.0.2.1:80 192.0.2.2:80"},
		{"pub", "http://far.example/anything?else#fragment", "", "192.0.2.1:80 192.0.2.2:80"},
		{"pub", "/other/announce?x", "", "192.0.2.1:80 192.0.2.1:80"},
		{"pub", "//far.example/announce", "", "192.0.2.1:80 192.0.2.2:80"},
		{"pub", "?x", "", "192.0.2.1:80 192.0.2.1:80"},
		{"pub", "HTTP://192.0.2.2:80/announce", "", "192.0.2.1:80 192.0.2.2:80"},
		{"pub", "http://mixed.example/announce", "", "192.0.2.1:80 192.0.2.2:80"},
		{"pub", "http://127.0.0.1/announce", "inward", "192.0.2.1:80"},
		{"pub", "http://127.0.0.1:8080/shutdown", "inward", "192.0.2.1:80"},
		{"pub", "http://localhost/announce", "looking up", "192.0.2.1:80"},
		{"pub", "http://evil.example/announce", "inward", "192.0.2.1:80"},
		{"pub", "http://lan.example/announce", "inward", "192.0.2.1:80"},
		{"pub", "http://192.168.0.1/announce", "inward", "192.0.2.1:80"},
		{"pub", "http://169.254.169.254/latest/meta-data", "inward", "192.0.2.1:80"},
		{"pub", "http://100.64.0.1/announce", "inward", "192.0.2.1:80"},
		{"pub", "http://[::1]/announce", "no usable address", "192.0.2.1:80"}, // another family
		{"pub", "http://[::ffff:127.0.0.1]/announce", "inward", "192.0.2.1:80"},
		{"pub", "http://0.0.0.0/announce", "one machine", "192.0.2.1:80"},
		{"pub", "http://2130706433/announce", "neither an address", "192.0.2.1:80"},
		{"pub", "http://0x7f.1/announce", "neither an address", "192.0.2.1:80"},
		{"pub", "file:///etc/passwd", "not supported", "192.0.2.1:80"},
		{"pub", "ftp://far.example/announce", "not supported", "192.0.2.1:80"},
		{"pub", "udp://far.example:80/announce", "not supported", "192.0.2.1:80"},
		{"pub", "gopher://127.0.0.1:6379/_x", "not supported", "192.0.2.1:80"},
		{"pub", "data:,d5:peers0:e", "not supported", "192.0.2.1:80"},
		{"pub", "http://u:p@far.example/announce", "only host", "192.0.2.1:80"},
		{"pub", "http://far.example:99999/announce", "port", "192.0.2.1:80"},
		{"pub", "http://%zz/", "not a URL", "192.0.2.1:80"},
		{"pub", "http://far.example/" + strings.Repeat("x", 5000), "longer than", "192.0.2.1:80"},
		{"pub", "http://six.example/announce", "no usable address", "192.0.2.1:80"},
		{"six", "http://nat.example/announce", "inward", "[2001:db8::1]:80"},
		{"six", "http://[::1]/announce", "inward", "[2001:db8::1]:80"},
		{"six", "http://[fd00::1]/announce", "inward", "[2001:db8::1]:80"},
		{"lan", "http://192.168.0.1/announce", "", "10.0.0.1:80 192.168.0.1:80"},
		{"lan", "http://192.168.0.1/reboot", "not an announce path", "10.0.0.1:80"},
		{"lan", "http://far.example/x", "", "10.0.0.1:80 192.0.2.2:80"},
		{"lan", "http://evil.example/announce", "inward", "10.0.0.1:80"},
		{"lan", "http://169.254.169.254/announce", "inward", "10.0.0.1:80"},
		{"evil", "http://lan.example/announce", "", "127.0.0.1:80 10.0.0.1:80"},
		{"evil", "http://127.0.0.1/shutdown", "not an announce path", "127.0.0.1:80"},
	} {
		for _, status := range []int{302, 307} {
			onWeb(t, func(w *web) {
				for name, addrs := range hosts {
					w.host(name, addrs...)
				}
				for _, a := range []string{"192.0.2.1:80", "192.0.2.2:80", "10.0.0.1:80", "192.168.0.1:80", "127.0.0.1:80", "[2001:db8::1]:80"} {
					w.tracker(a).Script(says(trackertest.HTTPReply{Body: []byte("d5:peers0:e")}))
				}
				first := w.servers[netip.AddrPortFrom(netip.MustParseAddr(hosts[c.from+".example"][0]), 80).String()]
				n := 0
				first.Script(func(trackertest.HTTPRequest) trackertest.HTTPReply {
					if n++; n > 1 {
						return trackertest.HTTPReply{Body: []byte("d5:peers0:e")}
					}
					return trackertest.HTTPReply{Status: status, Header: []string{"Location: " + c.to, "Set-Cookie: a=b"}, Body: []byte("x")}
				})
				_, err := w.announce("http://"+c.from+".example/announce?passkey=1", tracker.Request{})
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%s to %.60s: got %v, want %q", c.from, c.to, err, c.want)
				}
				if got := w.dialled(); got != c.dialled {
					t.Errorf("%s to %.60s: dialled %s, want %s", c.from, c.to, got, c.dialled)
				}
				for _, s := range w.servers {
					for _, r := range s.Requests() {
						if strings.Contains(r.Raw, "Cookie") || strings.Contains(r.Raw, "Referer") {
							t.Errorf("sent %q", r.Raw)
						}
					}
				}
			})
		}
	}
}

// TestRedirectChains: three at most, and none of them further inside than any
// before it.
func TestRedirectChains(t *testing.T) {
	for _, c := range []struct {
		chain []string
		want  string
	}{
		{[]string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}, ""},
		{[]string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}, "more than 3 redirects"},
		{[]string{"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"}, "more than 3 redirects"},
		{[]string{"10.0.0.1", "192.0.2.2", "10.0.0.1"}, "inward"},
		{[]string{"127.0.0.1", "10.0.0.1", "127.0.0.1"}, "inward"},
		{[]string{"127.0.0.1", "10.0.0.1", "10.0.0.2", "192.0.2.1"}, ""},
	} {
		onWeb(t, func(w *web) {
			step := 0
			script := func(trackertest.HTTPRequest) trackertest.HTTPReply {
				if step++; step == len(c.chain) {
					return trackertest.HTTPReply{Body: []byte("d5:peers0:e")}
				}
				return trackertest.HTTPReply{Status: 301, Header: []string{"Location: http://" + c.chain[step] + "/announce"}}
			}
			for _, a := range c.chain {
				if w.servers[a+":80"] == nil {
					w.tracker(a + ":80").Script(script)
				}
			}
			_, err := w.announce("http://"+c.chain[0]+"/announce", tracker.Request{})
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, tracker.ErrReply) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v: got %v, want %q", c.chain, err, c.want)
			}
		})
	}
}

// TestRedirectedScrape: a scrape may lead to a scrape only, on a local net.
func TestRedirectedScrape(t *testing.T) {
	for to, want := range map[string]string{"/x/scrape?a": "", "/announce": "not an announce path"} {
		onWeb(t, func(w *web) {
			tr, n := w.tracker("10.0.0.1:80"), 0
			tr.Script(func(trackertest.HTTPRequest) trackertest.HTTPReply {
				if n++; n == 1 {
					return trackertest.HTTPReply{Status: 301, Header: []string{"Location: " + to}}
				}
				return trackertest.HTTPReply{Body: []byte("d5:filesdee")}
			})
			_, err := w.c.Scrape(w.t.Context(), "http://10.0.0.1/announce", [][20]byte{torrent})
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", to, err, want)
			}
		})
	}
}

// TestLocalNames: a name whose address is found to be local is asked for an
// announce path only.
func TestLocalNames(t *testing.T) {
	onWeb(t, func(w *web) {
		w.host("t.example", "192.168.0.1")
		w.tracker("192.168.0.1:80")
		_, err := w.announce("http://t.example/reboot", tracker.Request{})
		if err == nil || !strings.Contains(err.Error(), "not an announce path") || w.dialled() != "" {
			t.Errorf("got %v, dialled %s", err, w.dialled())
		}
		if _, err := w.announce("http://t.example/announce", tracker.Request{}); err != nil {
			t.Error(err)
		}
		w.host("u.example", "192.168.0.1", "192.0.2.9")
		w.tracker("192.0.2.9:80")
		if _, err := w.announce("http://u.example/tracker", tracker.Request{}); err != nil {
			t.Error(err)
		}
		if got := w.dialled(); got != "192.168.0.1:80 192.0.2.9:80" {
			t.Errorf("dialled %s", got)
		}
	})
}

func packed(p []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

// TestHugeReplies: what is too long is cut off before it costs memory or time.
func TestHugeReplies(t *testing.T) {
	const ok = "d8:intervali60e1:x"
	fill := func(n int) []byte { // an answer of n bytes
		pad := n - len(ok) - len("1234567:e")
		return fmt.Appendf(nil, "%s%07d:%se", ok, pad, strings.Repeat("x", pad))
	}
	zeros := bytes.Repeat([]byte{'0'}, 64<<10)
	endless := func(head string) func(io.Writer) {
		return func(w io.Writer) {
			if _, err := io.WriteString(w, head); err != nil {
				return
			}
			for {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		}
	}
	bomb := packed(make([]byte, 8<<20))
	gz := []string{"Content-Encoding: gzip"}
	for _, c := range []struct {
		name  string
		reply trackertest.HTTPReply
		want  string
	}{
		{"packed", trackertest.HTTPReply{Header: gz, Body: packed([]byte("d8:intervali60ee"))}, ""},
		{"no header at all", trackertest.HTTPReply{Write: endless("")}, "header longer"},
		{"an endless header", trackertest.HTTPReply{Write: endless("HTTP/1.1 200 OK\r\nX: ")}, "header longer"},
		{"an endless body", trackertest.HTTPReply{Write: endless("HTTP/1.1 200 OK\r\n\r\n")}, "longer than 1048576"},
		{"a long body", trackertest.HTTPReply{Body: fill(1<<20 + 1)}, "longer than 1048576"},
		{"a length that lies", trackertest.HTTPReply{Write: func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nx")
		}}, "longer than 1048576"},
		{"a length of a number and a half", trackertest.HTTPReply{Write: func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx")
		}}, "not HTTP"},
		{"a body cut off", trackertest.HTTPReply{Write: func(w io.Writer) {
			io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:inter")
		}}, "unexpected EOF"},
		{"endless chunks", trackertest.HTTPReply{Write: func(w io.Writer) {
			for s := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"; ; s = strings.Repeat("1\r\nx\r\n", 1000) {
				if _, err := io.WriteString(w, s); err != nil {
					return
				}
			}
		}}, ""},
		{"a gzip bomb", trackertest.HTTPReply{Header: gz, Body: bomb}, "longer than 1048576"},
		{"gzip of gzip", trackertest.HTTPReply{Header: gz, Body: packed(packed([]byte("d8:intervali60ee")))}, "malformed reply"},
		{"not gzip", trackertest.HTTPReply{Header: gz, Body: []byte("d8:intervali60ee")}, "gzip"},
		{"brotli", trackertest.HTTPReply{Header: []string{"Content-Encoding: br"}, Body: []byte("x")}, "unknown encoding"},
		{"endless interim answers", trackertest.HTTPReply{Write: func(w io.Writer) {
			for {
				if _, err := io.WriteString(w, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
					return
				}
			}
		}}, "1xx"},
		{"not HTTP", trackertest.HTTPReply{Write: func(w io.Writer) { io.WriteString(w, "SSH-2.0-x\r\n\r\n\r\n") }}, "not HTTP"},
		{"control characters", trackertest.HTTPReply{Body: []byte("d\x1b[2J")}, "malformed reply"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := trackertest.NewHTTP(t)
			url := tr.Listen(t, "127.0.0.1:0")
			tr.Script(says(c.reply))
			client := loopbackClient(t, "127.0.0.2")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err := client.Announce(t.Context(), url, tracker.Request{InfoHash: torrent})
			runtime.ReadMemStats(&after)
			chunks := c.name == "endless chunks"
			if c.want == "" && !chunks && err != nil || (c.want != "" || chunks) && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && (len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x1b\n")) {
				t.Errorf("an error of %d bytes: %.1000q", len(err.Error()), err.Error())
			}
			if d := time.Since(began); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("took %d bytes of memory", n)
			}
		})
	}
	tr := trackertest.NewHTTP(t)
	url := tr.Listen(t, "127.0.0.1:0")
	tr.Script(says(trackertest.HTTPReply{Body: fill(1 << 20)}))
	if r, err := loopbackClient(t, "127.0.0.2").Announce(t.Context(), url, tracker.Request{InfoHash: torrent}); err != nil || r.Interval != time.Minute {
		t.Errorf("an answer of 1 MiB: got %+v, %v", r, err)
	}
}

// TestHTTPS: a certificate of somebody we trust is needed, and for the name that
// was asked for.
func TestHTTPS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.URL.Query()["info_hash"]) != 1 || r.Proto != "HTTP/1.1" {
			http.Error(w, "no", http.StatusTeapot)
		}
		io.WriteString(w, "d8:intervali60ee")
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{}
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	port := s.Listener.Addr().(*net.TCPAddr).Port
	resolve := func(host string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} }
	for _, c := range []struct {
		host  string
		roots *x509.CertPool
		want  string
	}{
		{"127.0.0.1", roots, ""},
		{"example.com", roots, ""}, // what httptest's certificate is for
		{"other.test", roots, "TLS: "},
		{"127.0.0.1", x509.NewCertPool(), "TLS: "},
		{"127.0.0.1", nil, "TLS: "},
	} {
		client := tracker.New(tracker.Config{RootCAs: c.roots, Resolve: resolver(resolve)})
		_, err := client.Announce(t.Context(), fmt.Sprintf("https://%s:%d/announce", c.host, port), tracker.Request{InfoHash: torrent})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.host, err, c.want)
		}
		client.Close()
	}
	// To plain HTTP, and the other way round.
	client := loopbackClient(t, "127.0.0.2")
	tr := trackertest.NewHTTP(t)
	url := strings.Replace(tr.Listen(t, "127.0.0.1:0"), "http:", "https:", 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Announce(ctx, url, tracker.Request{InfoHash: torrent}); err == nil {
		t.Error("HTTPS was spoken with an HTTP tracker")
	}
	if _, err := client.Announce(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/announce", port), tracker.Request{InfoHash: torrent}); err == nil {
		t.Error("HTTP was spoken with an HTTPS tracker")
	}
}
