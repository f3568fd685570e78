//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/swarm/tracker"
)

const (
	// takeOverEvery is how often a member without trackers of its own looks
	// whether the one on this machine has died, to take its place.
	takeOverEvery = 15 * time.Second
	// lonelyEvery is how often trackers are asked while no member is
	// connected or after failures, firstRetry after a failure at the start:
	// twice as long with each that follows.
	lonelyEvery = 30 * time.Second
	firstRetry  = 2 * time.Second
	// stoppedWithin bounds the wait for trackers at the end.
	stoppedWithin = 2 * time.Second
)

// trackers announces the drive to trackers, and runs one where none is given.
// Safe for concurrent use.
type trackers struct {
	m     *member
	given []string        // by --tracker
	index *catalogueIndex // what our own serves; nil: everything, or there is none
	own   string          // the URL of this machine's; "" where some are given or it is not wanted

	mu       sync.Mutex // guards what follows
	states   map[string]control.Tracker
	serving  bool
	kicked   chan struct{} // closed and replaced to have all announce at once
	ownTried chan struct{} // closed once the first try to serve is over

	stop   context.CancelFunc // of serving; set by run
	served sync.WaitGroup
}

// newTrackers decides which trackers there are.
func newTrackers(m *member) *trackers {
	t := &trackers{m: m, given: m.cfg.trackers, states: map[string]control.Tracker{}, kicked: make(chan struct{}), ownTried: make(chan struct{})}
	if len(t.given) == 0 && !m.cfg.noTracker {
		t.own = trackerURL(m.ownTracker())
		if !m.cfg.openTracker {
			t.index = newCatalogueIndex(m.view, m.guard, m.log)
		}
	}
	return t
}

// urls are the trackers of this member.
func (t *trackers) urls() []string {
	if t.own != "" {
		return []string{t.own}
	}
	return t.given
}

// announced are the URLs that the drive is announced to. This machine's own is
// told in both families: who asks it by IPv6 is handed no IPv4 addresses.
func (t *trackers) announced() []string {
	urls := t.urls()
	if a := t.m.cfg.listen.Addr; t.own != "" && t.m.cfg.listen.All() && !a.Is4() && haveIPv6() {
		urls = append(urls, trackerURL(netip.AddrPortFrom(netip.IPv6Loopback(), trackerPort)))
	}
	return urls
}

// haveIPv6 reports whether this machine can talk to itself by IPv6.
func haveIPv6() bool {
	pc, err := net.ListenPacket("udp6", "[::1]:0")
	if err == nil {
		pc.Close()
	}
	return err == nil
}

// describe tells the user which tracker is used; it waits for the first try to
// serve one, which run makes.
func (t *trackers) describe() string {
	switch urls := t.urls(); {
	case len(urls) == 0:
		return "no tracker"
	case t.own == "":
		s := "tracker " + urls[0]
		for _, u := range urls[1:] {
			s += ", " + u
		}
		return s
	}
	<-t.ownTried
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.serving {
		return "tracker " + t.own + " (embedded)"
	}
	return "tracker " + t.own + " (of another p2pfs on this machine)"
}

// run announces the drive until ctx ends, then tells the trackers so. It goes on
// serving one until close.
func (t *trackers) run(ctx context.Context) {
	var wg sync.WaitGroup
	if t.own != "" {
		serving, stop := context.WithCancel(context.WithoutCancel(ctx))
		t.stop = stop
		t.served.Go(func() { t.embed(serving) })
		select {
		case <-t.ownTried:
		case <-ctx.Done():
		}
	}
	for _, url := range t.announced() {
		wg.Go(func() {
			for ctx.Err() == nil { // again only after a panic
				t.m.guard.Do(func() { t.announce(ctx, url) })
				pause(ctx, lonelyEvery)
			}
		})
	}
	wg.Wait()
}

// close ends the tracker that is served. It is called when run has returned, and
// nothing is left that has to be told to it: each would wait for an answer.
func (t *trackers) close() error {
	if t.stop != nil {
		t.stop()
	}
	t.served.Wait()
	return nil
}

// kick has all announce now.
func (t *trackers) kick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.kicked)
	t.kicked = make(chan struct{})
}

func (t *trackers) kicks() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kicked
}

// announce tells one tracker that we are in the drive and hands on whom else
// it knows.
func (t *trackers) announce(ctx context.Context, url string) {
	client, event, known := t.m.client.Trackers(), tracker.Started, false
	retry := firstRetry
	for ctx.Err() == nil {
		kick := t.kicks()
		req := t.request(event)
		req.Unanswered = func(tries int) { t.note(url, fmt.Errorf("no answer after %d tries", tries)) }
		res, err := client.Announce(ctx, url, req)
		if ctx.Err() != nil {
			break
		}
		wait := retry
		if err == nil {
			event, wait, known = tracker.None, res.Interval, true
			t.m.drive.Load().AddFound(res.Peers)
			if t.m.lonely() {
				wait = min(wait, lonelyEvery)
			}
		} else if known {
			wait = lonelyEvery
		} else {
			retry = min(2*retry, lonelyEvery)
		}
		t.note(url, err)
		wake, cancel := context.WithTimeout(ctx, wait)
		select {
		case <-wake.Done():
		case <-kick:
		}
		cancel()
	}
	if known {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stoppedWithin)
		defer cancel()
		client.Announce(stop, url, t.request(tracker.Stopped))
	}
}

func (t *trackers) request(e tracker.Event) tracker.Request {
	return tracker.Request{
		InfoHash: t.m.drive.Load().Rendezvous(), PeerID: t.m.client.PeerID(), Left: 1, Event: e,
		Port: t.m.client.Addr().Port(), NumWant: 50, Urgent: true,
	}
}

func (t *trackers) note(url string, err error) {
	s := control.Tracker{URL: url, State: "ok"}
	if err != nil {
		s.State, s.Error = "failing", err.Error()
	}
	t.mu.Lock()
	old := t.states[url]
	t.states[url] = s
	t.mu.Unlock()
	if err != nil && old.State != s.State {
		t.m.log.Warn("tracker does not answer; asking again", "tracker", url, "err", err)
	}
}

// status is what each tracker last said.
func (t *trackers) status() (out []control.Tracker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, url := range t.urls() {
		s, ok := t.states[url]
		if !ok {
			s = control.Tracker{URL: url, State: "waiting"}
		}
		out = append(out, s)
	}
	return out
}

// pause waits until d has passed or ctx ends.
func pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}
