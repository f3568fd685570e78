//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/fs/mounting"
)

// serveMount mounts, and stays until it is interrupted or unmounted.
func serveMount(ctx context.Context, cfg memberConfig, sources []control.Source, p *cli.Progress, waits *starter) error {
	socket, err := control.Listen(cfg.mountPoint)
	if err != nil {
		return err
	}
	m, err := startMember(cfg)
	if err != nil {
		socket.Close()
		return err
	}
	defer detachAtSecondSignal(cfg.mountPoint)()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopControl := socket.Serve(control.Mount{Status: m, Torrents: m, Cache: m.keeper(), Members: m.roster(), Stop: stop}, m.realShare(), cfg.log)
	systemd := findSupervisor()
	err = m.addAll(ctx, sources)
	if err == nil {
		text := human.OneLine(fmt.Sprintf("p2pfs: drive %q on %s, sharing %s as %q (%s), %s", cfg.drive, human.Quoted(cfg.mountPoint),
			human.Quoted(homeRelative(cfg.share)), cfg.name, m.seat.key.Key().Short(), m.trackers.describe()))
		fmt.Fprintln(p, text)
		waits.tell(saysReady, text)
		m.tellSystemd(systemd, "READY=1\nSTATUS="+text)
		m.wg.Go(func() { systemd.watch(m.ctx, m.healthy, cfg.log) })
		err = m.stay(ctx, p)
	}
	m.tellSystemd(systemd, "STOPPING=1")
	m.mount.Load().Close() // before all else: who reads must not wait
	stopControl()
	return errors.Join(err, m.Close())
}

func (m *member) tellSystemd(s supervisor, state string) {
	if err := s.tell(state); err != nil {
		m.log.Warn("systemd is not told", "state", state, "err", err)
	}
}

// detachAtSecondSignal ends the process at the second signal, and leaves no
// dead mount behind. The function it returns takes that back.
func detachAtSecondSignal(dir string) (undo func()) {
	signals, done := make(chan os.Signal, 2), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			case sig := <-signals:
				if n < 2 {
					continue
				}
				mounting.Unmount(dir, true)
				signal.Reset(sig)
				syscall.Kill(os.Getpid(), sig.(syscall.Signal))
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}

// stay shows the status line until ctx ends or somebody unmounts.
func (m *member) stay(ctx context.Context, p *cli.Progress) error {
	stopLine := func() {}
	if p.Terminal() {
		stopLine = p.Start(func() string {
			s, _ := m.Status(ctx)
			return s.Line()
		})
	}
	defer stopLine()
	gone := make(chan error, 1)
	go func() { gone <- m.mount.Load().Wait() }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-gone:
		m.log.Info("unmounted from outside")
		return err
	}
}

// addAll puts the torrents given on the command line into the mount.
func (m *member) addAll(ctx context.Context, sources []control.Source) error {
	for _, src := range sources {
		if _, err := m.Add(ctx, src); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

func (m *member) realShare() string {
	real, err := dirs.Real(m.cfg.share)
	if err != nil {
		return m.cfg.share
	}
	return real
}

// homeRelative shortens a path in the home directory to ~/...
func homeRelative(path string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(path, home+"/"); err == nil && ok && home != "/" {
		return "~/" + rest
	}
	return path
}
