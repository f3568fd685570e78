//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"syscall"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/tracker/server"
)

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
			t.kick()
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
