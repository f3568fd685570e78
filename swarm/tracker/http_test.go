package tracker_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// TestHTTPLoopback uses real sockets: two peers find each other, their figures
// are right, one leaves.
func TestHTTPLoopback(t *testing.T) {
	for _, c := range []struct{ tracker, one, two string }{
		{"127.0.0.1:0", "127.0.0.2", "127.0.0.3"},
		{"[::1]:0", "::1", "::1"},
		{"127.0.0.1:0", "0.0.0.0", "127.0.0.3"},
	} {
		tr := trackertest.NewHTTP(t)
		url := tr.Listen(t, c.tracker)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		one, two := loopbackClient(t, c.one), loopbackClient(t, c.two)
		announce := func(client *tracker.Client, req tracker.Request) tracker.Response {
			t.Helper()
			req.InfoHash = torrent
			r, err := client.Announce(ctx, url, req)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		announce(one, tracker.Request{Port: 7001, Event: tracker.Started})
		r := announce(two, tracker.Request{Port: 7002, Left: 5, Event: tracker.Started})
		host := c.one
		if host == "0.0.0.0" {
			host = "127.0.0.1"
		}
		first := netip.AddrPortFrom(netip.MustParseAddr(host), 7001)
		if !slices.Contains(r.Peers, first) || r.Seeders != 1 || r.Leechers != 1 || r.Interval != 30*time.Minute || r.MinInterval != 0 {
			t.Errorf("%+v: got %+v", c, r)
		}
		announce(two, tracker.Request{Port: 7002, Event: tracker.Completed})
		got, err := one.Scrape(ctx, url, [][20]byte{{9}, torrent})
		if want := []tracker.Scraped{{}, {Seeders: 2, Completed: 1}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: scrape: got %+v, %v, want %+v", c, got, err, want)
		}
		announce(one, tracker.Request{Port: 7001, Event: tracker.Stopped})
		if r := announce(two, tracker.Request{Port: 7002}); slices.Contains(r.Peers, first) || r.Seeders != 1 {
			t.Errorf("%+v: after one stopped: %+v", c, r)
		}
	}
}

// TestHTTPRequest: what goes over the wire, byte by byte.
func TestHTTPRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	ih := [20]byte([]byte("\x12\x34\x56\x78\x9a\xbc\xde\xf1\x23\x45\x67\x89\xab\xcd\xef\x12\x34\x56\x78\x9a"))
	id := [20]byte([]byte("-PF0001- +&%=/?#~.é"))
	tail := " HTTP/1.1\r\nHost: t.example\r\nUser-Agent: p2pfs/0.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
	const query = "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&peer_id=-PF0001-%20%2B%26%25%3D%2F%3F%23~.%C3%A9"
	for _, c := range []struct {
		url  string
		req  tracker.Request
		want string
	}{
		{"http://t.example/announce", tracker.Request{Port: 6881, Left: 16384, NumWant: 100, Key: 0xab, Event: tracker.Started},
			"GET /announce?" + query + "&port=6881&uploaded=0&downloaded=0&left=16384&compact=1&key=000000AB&numwant=100&event=started" + tail},
		{"http://t.example/x/announce.php?pass=k%20y", tracker.Request{Port: 1, Uploaded: 1 << 62, Downloaded: -5, Key: 1 << 31},
			"GET /x/announce.php?pass=k%20y&" + query + "&port=1&uploaded=4611686018427387904&downloaded=0&left=0&compact=1&key=80000000" + tail},
		{"http://t.example/announce?", tracker.Request{Key: 1, NumWant: 50, Event: tracker.Stopped},
			"GET /announce?" + query + "&port=0&uploaded=0&downloaded=0&left=0&compact=1&key=00000001&numwant=0&event=stopped" + tail},
		{"http://t.example?a=b&", tracker.Request{Key: 1, NumWant: -1, Event: tracker.Completed},
			"GET /?a=b&" + query + "&port=0&uploaded=0&downloaded=0&left=0&compact=1&key=00000001&numwant=0&event=completed" + tail},
	} {
		onWeb(t, func(w *web) {
			w.host("t.example", "192.0.2.1")
			tr := w.tracker("192.0.2.1:80")
			c.req.InfoHash, c.req.PeerID = ih, id
			if _, err := w.announce(c.url, c.req); err != nil {
				t.Fatal(err)
			}
			if got := tr.Requests()[0].Raw; got != c.want {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
			if got := w.dialled(); got != "192.0.2.1:80" {
				t.Errorf("dialled %s", got)
			}
		})
	}
	onWeb(t, func(w *web) {
		tr := w.tracker("[fe80::1%eth0]:8080")
		if _, err := w.c.Scrape(w.t.Context(), "http://[fe80::1%25eth0]:8080/a/announce.php?k=v", [][20]byte{ih, {}}); err != nil {
			t.Fatal(err)
		}
		want := "GET /a/scrape.php?k=v&info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&info_hash=" + strings.Repeat("%00", 20) + " HTTP/1.1\r\nHost: [fe80::1]:8080\r\n"
		if got := tr.Requests()[0].Raw; !strings.HasPrefix(got, want) {
			t.Errorf("got\n%q, want\n%q", got, want)
		}
	})
	if os.Getenv("HTTP_PROXY") == "" {
		t.Error("no proxy was set")
	}
}

// TestTrackerID: given, told again, replaced, forgotten at the end.
func TestTrackerID(t *testing.T) {
	onWeb(t, func(w *web) {
		w.host("t.example", "192.0.2.1")
		tr := w.tracker("192.0.2.1:80")
		given := []string{"10:tracker id3:a&b", "", "10:tracker id2:cd", "10:tracker id257:" + strings.Repeat("x", 257), "", "", ""}
		n := 0
		tr.Script(func(trackertest.HTTPRequest) trackertest.HTTPReply {
			n++
			return trackertest.HTTPReply{More: given[n-1]}
		})
		var told []string
		for i, event := range []tracker.Event{tracker.Started, 0, 0, 0, 0, tracker.Stopped, tracker.Started} {
			<-time.After(time.Minute)
			if _, err := w.announce("http://t.example/announce", tracker.Request{Event: event}); err != nil {
				t.Fatal(err)
			}
			told = append(told, tr.Requests()[i].Query.Get("trackerid"))
		}
		if got := strings.Join(told, ","); got != ",a&b,a&b,cd,cd,cd," {
			t.Errorf("told %s", got)
		}
	})
}

// TestHTTPFamilies: a tracker that has addresses of both families is told by
// both, and the one that answers does not wait for the other for long.
func TestHTTPFamilies(t *testing.T) {
	const url = "http://t.example/announce"
	for _, c := range []struct {
		name  string
		set   func(w *web, v4, v6 *trackertest.HTTP)
		took  time.Duration
		v4    int
		v6    int
		fails bool
	}{
		{"both", func(*web, *trackertest.HTTP, *trackertest.HTTP) {}, 0, 1, 1, false},
		{"IPv6 is a black hole", func(w *web, _, _ *trackertest.HTTP) { w.black["[2001:db8::1]:80"] = true }, time.Second, 1, 0, false},
		{"IPv6 is refused", func(w *web, _, _ *trackertest.HTTP) { delete(w.servers, "[2001:db8::1]:80") }, 0, 1, 0, false},
		{"IPv4 hangs", func(w *web, v4, _ *trackertest.HTTP) { v4.Script(says(trackertest.HTTPReply{Hang: true})) }, time.Second, 1, 1, false},
		{"IPv6 is refused, IPv4 is slow", func(w *web, v4, _ *trackertest.HTTP) {
			delete(w.servers, "[2001:db8::1]:80")
			v4.Script(says(trackertest.HTTPReply{Delay: 20 * time.Second}))
		}, 20 * time.Second, 1, 0, false},
		{"neither", func(w *web, _, _ *trackertest.HTTP) { clear(w.servers) }, 0, 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			onWeb(t, func(w *web) {
				w.host("t.example", "192.0.2.1", "2001:db8::1")
				v4, v6 := w.tracker("192.0.2.1:80"), w.tracker("[2001:db8::1]:80")
				c.set(w, v4, v6)
				_, err := w.announce(url, tracker.Request{})
				if (err != nil) != c.fails {
					t.Errorf("got %v", err)
				}
				w.elapsed(c.took)
				if n4, n6 := len(v4.Requests()), len(v6.Requests()); n4 != c.v4 || n6 != c.v6 {
					t.Errorf("asked %d and %d times, want %d and %d", n4, n6, c.v4, c.v6)
				}
			})
		})
	}
}

// TestHTTPAddresses: the next address is tried where one cannot be reached.
func TestHTTPAddresses(t *testing.T) {
	onWeb(t, func(w *web) {
		w.host("t.example", "192.0.2.1", "192.0.2.2", "192.0.2.3")
		w.tracker("192.0.2.3:80")
		w.black["192.0.2.2:80"] = true
		if _, err := w.announce("http://t.example/announce", tracker.Request{}); err != nil {
			t.Error(err)
		}
		w.elapsed(15 * time.Second)
		if got := w.dialled(); got != "192.0.2.1:80 192.0.2.2:80 192.0.2.3:80" {
			t.Errorf("dialled %s", got)
		}
	})
}

// TestHTTPTimes: how long each kind of silence is borne, and that the end of the
// context and of the client ends it at once.
func TestHTTPTimes(t *testing.T) {
	drip := func(w func(p []byte) (int, error)) {
		for {
			if _, err := w([]byte("x")); err != nil {
				return
			}
			<-time.After(10 * time.Second)
		}
	}
	for _, c := range []struct {
		name  string
		black bool
		reply trackertest.HTTPReply
		want  time.Duration
		err   string
	}{
		{"no connection", true, trackertest.HTTPReply{}, 15 * time.Second, "no connection within 15s"},
		{"no answer", false, trackertest.HTTPReply{Hang: true}, time.Minute, "no answer within 1m"},
		{"closed", false, trackertest.HTTPReply{Drop: true}, 0, "no answer: unexpected EOF"},
		{"a slow header", false, trackertest.HTTPReply{Write: func(w writer) {
			w.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
			drip(w.Write)
		}}, time.Minute, "no answer within 1m"},
		{"a slow body", false, trackertest.HTTPReply{Write: func(w writer) {
			w.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
			drip(w.Write)
		}}, time.Minute, "no answer within 1m"},
		{"a slow body behind a redirect", false, trackertest.HTTPReply{Write: func(w writer) {
			w.Write([]byte("HTTP/1.1 302 x\r\nLocation: ftp://x\r\nContent-Length: 99999\r\n\r\n"))
			drip(w.Write)
		}}, 0, "redirect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onWeb(t, func(w *web) {
				w.host("t.example", "192.0.2.1")
				w.tracker("192.0.2.1:80").Script(says(c.reply))
				w.black["192.0.2.1:80"] = c.black
				_, err := w.announce("http://t.example/announce", tracker.Request{})
				w.elapsed(c.want)
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "tracker http://t.example:") {
					t.Errorf("got %v, want %s", err, c.err)
				}
			})
			if c.want == 0 {
				return
			}
			onWeb(t, func(w *web) {
				w.host("t.example", "192.0.2.1")
				w.tracker("192.0.2.1:80").Script(says(c.reply))
				w.black["192.0.2.1:80"] = c.black
				ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
				defer cancel()
				_, err := w.c.Announce(ctx, "http://t.example/announce", tracker.Request{InfoHash: torrent})
				w.elapsed(5 * time.Second)
				wantErr(t, err, context.DeadlineExceeded)
				time.AfterFunc(time.Second, func() { w.c.Close() })
				_, err = w.announce("http://t.example/announce", tracker.Request{})
				w.elapsed(6 * time.Second)
				wantErr(t, err, tracker.ErrClosed)
			})
		})
	}
}

// TestHTTPCrowd: eight at a time to a tracker, and those that somebody waits for,
// and last ones, at once.
func TestHTTPCrowd(t *testing.T) {
	onWeb(t, func(w *web) {
		w.host("t.example", "192.0.2.1")
		tr := w.tracker("192.0.2.1:80")
		tr.Script(says(trackertest.HTTPReply{Delay: 10 * time.Second}))
		var wg sync.WaitGroup
		announce := func(req tracker.Request) {
			wg.Go(func() {
				if _, err := w.announce("http://t.example/announce", req); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range 20 {
			announce(tracker.Request{InfoHash: [20]byte{1, byte(i)}})
		}
		synctest.Wait()
		announce(tracker.Request{InfoHash: [20]byte{2}, Urgent: true})
		announce(tracker.Request{InfoHash: [20]byte{3}, Event: tracker.Stopped})
		synctest.Wait()
		if n := len(tr.Requests()); n != 10 {
			t.Errorf("%d requests at once, want 10", n)
		}
		wg.Wait()
		w.elapsed(30 * time.Second)
	})
}

// TestHTTPPace: as over UDP, at most 6 announces in 20 seconds.
func TestHTTPPace(t *testing.T) {
	onWeb(t, func(w *web) {
		w.host("t.example", "192.0.2.1")
		tr := w.tracker("192.0.2.1:80")
		for range 10 {
			if _, err := w.announce("http://t.example/announce", tracker.Request{}); err != nil {
				t.Fatal(err)
			}
		}
		w.elapsed(20 * time.Second)
		if n := len(tr.Requests()); n != 10 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestScrapeMany(t *testing.T) {
	onWeb(t, func(w *web) {
		tr := w.tracker("10.0.0.1:80")
		var hashes [][20]byte
		for i := range 120 {
			hashes = append(hashes, [20]byte{byte(i)})
		}
		got, err := w.c.Scrape(w.t.Context(), "http://10.0.0.1/announce", hashes)
		if err != nil || len(got) != 120 || len(tr.Requests()) != 3 {
			t.Errorf("got %d, %v with %d requests", len(got), err, len(tr.Requests()))
		}
		_, err = w.c.Scrape(w.t.Context(), "http://10.0.0.1/announce?x=2/4", hashes)
		wantErr(t, err, tracker.ErrNoScrape)
	})
}

func TestHTTPRefusals(t *testing.T) {
	for _, c := range []struct {
		reply trackertest.HTTPReply
		want  string
	}{
		{trackertest.HTTPReply{Body: []byte("d14:failure reason11:not allowede")}, `tracker refused: "not allowed"`},
		{trackertest.HTTPReply{Status: 403, Body: []byte("d14:failure reason11:not allowede")}, `tracker refused: "not allowed"`},
		{trackertest.HTTPReply{Status: 404, Body: []byte("<html>\x1b[2J")}, `tracker refused: "HTTP status 404 Not Found"`},
		{trackertest.HTTPReply{Status: 999, Body: []byte{}}, `tracker refused: "HTTP status 999 "`},
		{trackertest.HTTPReply{Status: 302, Body: []byte("d5:peers0:e")}, `tracker refused: "HTTP status 302 Found"`}, // no Location
		{trackertest.HTTPReply{Status: 304, Header: []string{"Location: /announce"}, Body: []byte{}}, `tracker refused: "HTTP status 304 Not Modified"`},
		{trackertest.HTTPReply{Status: 206, Body: []byte("d5:peers0:e")}, `tracker refused: "HTTP status 206 Partial Content"`},
	} {
		onWeb(t, func(w *web) {
			w.tracker("10.0.0.1:80").Script(says(c.reply))
			_, err := w.announce("http://10.0.0.1/announce", tracker.Request{})
			var refused *tracker.Refusal
			if !errors.As(err, &refused) || !strings.HasSuffix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	onWeb(t, func(w *web) {
		_, err := w.announce("http://nowhere.example/announce", tracker.Request{})
		if err == nil || !strings.Contains(err.Error(), "looking up nowhere.example") {
			t.Errorf("got %v", err)
		}
		_, err = w.announce("http://10.0.0.1/announce", tracker.Request{})
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("got %v", err)
		}
		w.host("t.example", "192.0.2.1")
		if _, err = w.announce(fmt.Sprintf("http://%s/announce", "0.0.0.0"), tracker.Request{}); err == nil {
			t.Error("0.0.0.0 was taken")
		}
	})
}
