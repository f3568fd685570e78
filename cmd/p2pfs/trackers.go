//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/swarm/announce"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/tracker/server"
)

// takeOverEvery is how often a member without trackers of its own looks whether the
// one on this machine has died, to take its place.
const takeOverEvery = 15 * time.Second

// trackers are those that the drive and its files are announced to: those given, or
// one that this machine serves. Safe for concurrent use.
type trackers struct {
	m     *member
	given []string        // by --tracker
	index *catalogueIndex // what our own serves; nil: everything, or there is none
	own   string          // the URL of this machine's; "" where some are given or it is not wanted

	mu       sync.Mutex // guards serving
	serving  bool
	ownTried chan struct{} // closed once the first try to serve is over

	stop   context.CancelFunc // of serving; set by serve
	served sync.WaitGroup
}

// newTrackers decides which trackers there are.
func newTrackers(m *member) *trackers {
	t := &trackers{m: m, given: m.cfg.trackers, ownTried: make(chan struct{})}
	if len(t.given) == 0 && !m.cfg.noTracker {
		t.own = trackerURL(m.ownTracker())
		if !m.cfg.openTracker {
			t.index = newCatalogueIndex(func() *union.View {
				if m.drive.Load() == nil {
					return nil
				}
				return m.view()
			}, m.guard, m.log)
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

// describe tells the user which tracker is used.
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
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.serving {
		return "tracker " + t.own + " (embedded)"
	}
	return "tracker " + t.own + " (of another p2pfs on this machine)"
}

// serve begins to serve a tracker, where this machine is to have one, and waits until
// the first try is over.
func (t *trackers) serve(ctx context.Context) {
	if t.own == "" {
		return
	}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.served.Go(func() { t.embed(ctx) })
	<-t.ownTried
}

// close ends the tracker that is served. It is called when
// nothing is left that has to be told to it: each would wait for an answer.
func (t *trackers) close() error {
	if t.stop != nil {
		t.stop()
	}
	t.served.Wait()
	return nil
}

// ownTracker is where this machine's tracker is asked: at the address that is
// listened on, or by loopback where that is all of them.
func (m *member) ownTracker() netip.AddrPort {
	addr := m.cfg.listen.Addr
	if m.cfg.listen.All() {
		addr = cli.Localhost
	}
	return netip.AddrPortFrom(addr, trackerPort)
}

// embed serves a tracker whenever nobody else on this machine does.
func (t *trackers) embed(ctx context.Context) {
	at := t.m.cfg.listen
	at.Port = trackerPort
	cfg := server.Config{Addr: at.String(), Guard: t.m.guard, Log: t.m.log}
	if t.index != nil {
		cfg.Serves = t.serves
	}
	s := server.New(cfg)
	tried := false
	for ctx.Err() == nil {
		pc, err := s.Listen()
		t.set(err == nil)
		if !tried {
			tried = true
			close(t.ownTried)
		} else if err == nil {
			t.m.log.Info("tracker taken over", "tracker", t.own)
			if d := t.m.drive.Load(); d != nil {
				d.Swarm().Trackers().Kick()
			}
		}
		if err == nil {
			if t.index != nil {
				t.index.once.Do(func() { t.served.Go(func() { t.index.run(ctx) }) })
			}
			err = s.Serve(ctx, pc)
		}
		if err != nil && !errors.Is(err, syscall.EADDRINUSE) && ctx.Err() == nil {
			t.m.log.Warn("embedded tracker", "tracker", t.own, "err", err)
		}
		pause(ctx, cmp.Or(t.m.cfg.takeOver, takeOverEvery))
	}
}

func (t *trackers) set(serving bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serving = serving
}

// status is what each tracker last said.
func (t *trackers) status() (out []control.Tracker) {
	list := t.m.drive.Load().Swarm().Trackers().List()
	for _, url := range t.urls() {
		s := control.Tracker{URL: url, State: "waiting"}
		i := slices.IndexFunc(list, func(k announce.Tracker) bool { return k.URL == url })
		switch {
		case i < 0 || !list[i].Asked:
		case list[i].Err == "":
			s.State = "ok"
		default:
			s.State, s.Error = "failing", list[i].Err
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
