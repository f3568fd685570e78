package tracker_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/packet"
	"p2pfs/swarm/tracker/trackertest"
)

var (
	trackerAddr = netip.MustParseAddrPort("10.0.0.1:6969")
	torrent     = [20]byte{1, 2, 3}
	silence     = func(trackertest.Request) trackertest.Reply { return trackertest.Reply{Drop: true} }
)

// A world is a client and a tracker on a net and a clock of their own.
type world struct {
	t     *testing.T
	net   *trackertest.Network
	tr    *trackertest.Tracker
	c     *tracker.Client
	start time.Time

	mu    sync.Mutex
	hosts map[string][]netip.Addr // what the DNS says; guarded by mu
}

// bubble runs f in a new world. A goroutine that is left behind fails the test.
func bubble(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: trackertest.NewNetwork(), start: time.Now(), hosts: make(map[string][]netip.Addr)}
		w.tr = w.tracker(trackerAddr.String())
		w.c = tracker.New(tracker.Config{ListenPacket: w.net.ListenPacket, Resolve: w.resolve})
		defer func() {
			if err := w.c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		f(w)
	})
}

func (w *world) tracker(address string) *trackertest.Tracker {
	w.t.Helper()
	pc, err := w.net.ListenPacket("udp", address)
	if err != nil {
		w.t.Fatal(err)
	}
	return trackertest.Serve(w.t, pc)
}

// host sets what the DNS says about a name.
func (w *world) host(name string, addrs ...netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[name] = addrs
}

func (w *world) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.hosts[host]; a != nil {
		return slices.Clone(a), nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// announce announces the torrent and waits at most d.
func (w *world) announce(d time.Duration, url string, req tracker.Request) (tracker.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if req.InfoHash == ([20]byte{}) {
		req.InfoHash = torrent
	}
	if req.Port == 0 {
		req.Port = 6881
	}
	return w.c.Announce(ctx, url, req)
}

// log is what came in at a tracker: for each packet its action's first letter
// and the second.
func (w *world) log(tr *trackertest.Tracker) string {
	var out []string
	for _, r := range tr.Requests() {
		out = append(out, r.Action.String()[:1]+r.At.Sub(w.start).String())
	}
	return strings.Join(out, " ")
}

func (w *world) wantLog(tr *trackertest.Tracker, want string) {
	w.t.Helper()
	if got := w.log(tr); got != want {
		w.t.Errorf("tracker saw\n%s, want\n%s", got, want)
	}
}

// elapsed checks the time since the world began.
func (w *world) elapsed(want time.Duration) {
	w.t.Helper()
	if got := time.Since(w.start); got != want {
		w.t.Errorf("took %v, want %v", got, want)
	}
}

// only applies a script to one action.
func only(a packet.Action, f func(trackertest.Request) trackertest.Reply) func(trackertest.Request) trackertest.Reply {
	return func(r trackertest.Request) trackertest.Reply {
		if r.Action != a {
			return trackertest.Reply{}
		}
		return f(r)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

// loopbackClient is a client that announces from a loopback address.
func loopbackClient(t *testing.T, listen string) *tracker.Client {
	c := tracker.New(tracker.Config{Listen: netip.MustParseAddr(listen)})
	t.Cleanup(func() { c.Close() })
	return c
}
