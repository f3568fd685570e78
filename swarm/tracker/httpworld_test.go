package tracker_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/trackertest"
)

// A web is a net in memory for TCP, with HTTP trackers on it and a client.
type web struct {
	t     *testing.T
	c     *tracker.Client
	start time.Time
	busy  sync.WaitGroup // answers being given

	mu      sync.Mutex // guards what follows
	hosts   map[string][]netip.Addr
	servers map[string]*trackertest.HTTP // by address and port
	black   map[string]bool              // addresses whose connections never come about
	dials   []string
}

// onWeb runs f on a net and a clock of its own.
func onWeb(t *testing.T, f func(w *web)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &web{t: t, start: time.Now(), hosts: map[string][]netip.Addr{}, servers: map[string]*trackertest.HTTP{}, black: map[string]bool{}}
		w.c = tracker.New(tracker.Config{Dial: w.dial, Resolve: w.resolve})
		defer w.busy.Wait()
		defer w.c.Close()
		f(w)
	})
}

func (w *web) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, address)
	s, black := w.servers[address], w.black[address]
	w.mu.Unlock()
	switch {
	case black:
		<-ctx.Done()
		return nil, ctx.Err()
	case s == nil:
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	w.busy.Go(func() { s.Serve(theirs) })
	return ours, nil
}

func (w *web) resolve(_ context.Context, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.hosts[host]; a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// tracker puts a tracker on an address and port.
func (w *web) tracker(address string) *trackertest.HTTP {
	tr := trackertest.NewHTTP(w.t)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.servers[address] = tr
	return tr
}

// host sets what the DNS says about a name.
func (w *web) host(name string, addrs ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[name] = nil
	for _, a := range addrs {
		w.hosts[name] = append(w.hosts[name], netip.MustParseAddr(a))
	}
}

// dialled are the connections tried until now.
func (w *web) dialled() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.dials, " ")
}

func (w *web) announce(url string, req tracker.Request) (tracker.Response, error) {
	if req.InfoHash == ([20]byte{}) {
		req.InfoHash = torrent
	}
	return w.c.Announce(w.t.Context(), url, req)
}

// elapsed checks the time since the start.
func (w *web) elapsed(want time.Duration) {
	w.t.Helper()
	if got := time.Since(w.start); got != want {
		w.t.Errorf("took %v, want %v", got, want)
	}
}

// says makes a script that always answers the same.
func says(r trackertest.HTTPReply) func(trackertest.HTTPRequest) trackertest.HTTPReply {
	return func(trackertest.HTTPRequest) trackertest.HTTPReply { return r }
}

type writer = io.Writer

// resolver makes a Resolve of a function.
func resolver(f func(host string) []netip.Addr) func(context.Context, string) ([]netip.Addr, error) {
	return func(_ context.Context, host string) ([]netip.Addr, error) { return f(host), nil }
}
