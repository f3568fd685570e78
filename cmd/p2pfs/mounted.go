//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/daemon"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/member"
	"p2pfs/fs/mounting"
)

// serveMount mounts, and stays until it is interrupted or unmounted.
func serveMount(ctx context.Context, cfg member.Config, sources []control.Source, p *cli.Progress, waits *daemon.Starter) error {
	socket, err := control.Listen(cfg.MountPoint)
	if err != nil {
		return err
	}
	m, err := member.Start(cfg)
	if err != nil {
		socket.Close()
		return err
	}
	defer detachAtSecondSignal(cfg.MountPoint)()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopControl := socket.Serve(m.Services(stop), realShare(cfg.Share), cfg.Log)
	systemd, watched := daemon.FindSupervisor(), make(chan struct{})
	err = addAll(ctx, m, sources)
	if err == nil {
		text := human.OneLine(fmt.Sprintf("p2pfs: drive %q on %s, sharing %s as %q (%s), %s", cfg.Drive, human.Quoted(cfg.MountPoint),
			human.Quoted(homeRelative(cfg.Share)), cfg.Name, m.Key().Short(), m.Tracker()))
		fmt.Fprintln(p, text)
		waits.Tell(daemon.SaysReady, text)
		tellSystemd(systemd, "READY=1\nSTATUS="+text, cfg.Log)
		go func() {
			defer close(watched)
			systemd.Watch(ctx, m.Healthy, cfg.Log)
		}()
		err = stay(ctx, m, p, cfg.Log)
		stop()
		<-watched
	}
	tellSystemd(systemd, "STOPPING=1", cfg.Log)
	m.Unmount() // before all else: who reads must not wait
	stopControl()
	return errors.Join(err, m.Close())
}

func tellSystemd(s daemon.Supervisor, state string, log *slog.Logger) {
	if err := s.Tell(state); err != nil {
		log.Warn("systemd is not told", "state", state, "err", err)
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
func stay(ctx context.Context, m *member.Member, p *cli.Progress, log *slog.Logger) error {
	stopLine := func() {}
	if p.Terminal() {
		stopLine = p.Start(func() string {
			s, _ := m.Status(ctx)
			return s.Line()
		})
	}
	defer stopLine()
	gone := make(chan error, 1)
	go func() { gone <- m.Wait() }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-gone:
		log.Info("unmounted from outside")
		return err
	}
}

// addAll puts the torrents given on the command line into the mount.
func addAll(ctx context.Context, m *member.Member, sources []control.Source) error {
	for _, src := range sources {
		if _, err := m.Add(ctx, src); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// realShare is a share directory's real path.
func realShare(share string) string {
	real, err := dirs.Real(share)
	if err != nil {
		return share
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
