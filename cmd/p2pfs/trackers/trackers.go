//go:build linux

// Package trackers says which trackers a process announces to, and runs one for this
// machine where none is given: one that serves its drive and what is shared there. It
// announces nothing itself.
package trackers

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/pause"
	"p2pfs/swarm"
	"p2pfs/swarm/announce"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/tracker/server"
)

// TakeOverEvery is how often a member without trackers of its own looks whether the
// one on this machine has died, to take its place.
const TakeOverEvery = 15 * time.Second

// Config is what trackers are made from.
type Config struct {
	Given    []string // by --tracker
	None     bool     // run none
	Open     bool     // ours serves any torrent
	Listen   cli.ListenAddr
	TakeOver time.Duration // 0: TakeOverEvery
	Serves   metainfo.Hash // that of the drive
}

// Trackers are those that the drive and its files are announced to: those given, or
// one that this machine serves. Safe for concurrent use.
type Trackers struct {
	cfg    Config
	client func() *swarm.Client
	drive  func() *drive.Drive
	guard  *guard.Guard
	log    *slog.Logger
	given  []string // by --tracker
	index  *index   // what our own serves; nil: everything, or there is none
	own    string   // the URL of this machine's; "" where some are given or it is not wanted

	mu       sync.Mutex // guards serving
	serving  bool
	ownTried chan struct{} // closed once the first try to serve is over

	stop   context.CancelFunc // of serving; set by serve
	served sync.WaitGroup
}

// New decides which trackers there are.
func New(cfg Config, client func() *swarm.Client, drive func() *drive.Drive, g *guard.Guard, log *slog.Logger) *Trackers {
	t := &Trackers{cfg: cfg, client: client, drive: drive, guard: g, log: log, given: cfg.Given, ownTried: make(chan struct{})}
	if len(t.given) == 0 && !cfg.None {
		t.own = URL(t.ownTracker())
		if !cfg.Open {
			t.index = newIndex(func() *union.View {
				if drive() == nil {
					return nil
				}
				return drive().View()
			}, g, log)
		}
	}
	return t
}

// URLs are the trackers of this member.
func (t *Trackers) URLs() []string {
	if t.own != "" {
		return []string{t.own}
	}
	return t.given
}

// Announced are the URLs that the drive is announced to. This machine's own is
// told in both families: who asks it by IPv6 is handed no IPv4 addresses.
func (t *Trackers) Announced() []string {
	urls := t.URLs()
	if a := t.cfg.Listen.Addr; t.own != "" && t.cfg.Listen.All() && !a.Is4() && haveIPv6() {
		urls = append(urls, URL(netip.AddrPortFrom(netip.IPv6Loopback(), Port)))
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

// Describe tells the user which tracker is used.
func (t *Trackers) Describe() string {
	switch urls := t.URLs(); {
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

// Serve begins to serve a tracker, where this machine is to have one, and waits until
// the first try is over.
func (t *Trackers) Serve(ctx context.Context) {
	if t.own == "" {
		return
	}
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.served.Go(func() { t.embed(ctx) })
	<-t.ownTried
}

// Close ends the tracker that is served. It is called when
// nothing is left that has to be told to it: each would wait for an answer.
func (t *Trackers) Close() error {
	if t.stop != nil {
		t.stop()
	}
	t.served.Wait()
	return nil
}

// ownTracker is where this machine's tracker is asked: at the address that is
// listened on, or by loopback where that is all of them.
func (t *Trackers) ownTracker() netip.AddrPort {
	addr := t.cfg.Listen.Addr
	if t.cfg.Listen.All() {
		addr = cli.Localhost
	}
	return netip.AddrPortFrom(addr, Port)
}

// embed serves a tracker whenever nobody else on this machine does.
func (t *Trackers) embed(ctx context.Context) {
	at := t.cfg.Listen
	at.Port = Port
	cfg := server.Config{Addr: at.String(), Guard: t.guard, Log: t.log}
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
			t.log.Info("tracker taken over", "tracker", t.own)
			if d := t.drive(); d != nil {
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
			t.log.Warn("embedded tracker", "tracker", t.own, "err", err)
		}
		pause.For(ctx, cmp.Or(t.cfg.TakeOver, TakeOverEvery))
	}
}

func (t *Trackers) set(serving bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serving = serving
}

// Status is what each tracker last said.
func (t *Trackers) Status() (out []control.Tracker) {
	list := t.drive().Swarm().Trackers().List()
	for _, url := range t.URLs() {
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

// Public are the trackers that others can use: this machine's own by
// an address that others reach, never by loopback, unless that is all that we
// listen on.
func (t *Trackers) Public(meta *metainfo.MetaInfo) (out []string) {
	if meta != nil {
		for _, tier := range meta.Trackers {
			out = append(out, tier...)
		}
		if meta.Info.Private {
			return out
		}
	}
	if t.own == "" {
		return append(out, t.given...)
	}
	at := Reachable(netip.AddrPortFrom(t.client().Addr().Addr(), Port))
	if t.Tells(at.Addr()) {
		out = append(out, URL(at))
	}
	return out
}

// Tells reports whether others are to be told of an address: never of loopback,
// unless that is all that we listen on.
func (t *Trackers) Tells(a netip.Addr) bool { return !a.IsLoopback() || !t.cfg.Listen.All() }

// Changed tells that the drive has a new view.
func (t *Trackers) Changed() { t.index.changed() }
