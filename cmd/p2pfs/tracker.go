package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/server"
)

// probeTimeout bounds the wait for our own tracker's first answer.
const probeTimeout = 10 * time.Second

func trackerCommand() cli.Command {
	return cli.Command{
		Name:    "tracker",
		Summary: "run a UDP tracker",
		Help: `Runs until it is interrupted. Its URL is printed once it answers, and what it
has served at the end. Any BitTorrent client can use it.`,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			listen, level := cli.ListenAddr{Port: trackers.Port}, slog.LevelWarn
			fs.Var(cli.ListenFlag(&listen), "listen", "address to listen on")
			netflags.AddLevel(fs, &level)
			return func(ctx context.Context, c cli.Call) error {
				words := cli.NewLooseWriter(c.Stderr)
				defer words.Close(cli.LastWords)
				log := netflags.NewLog(words, level)
				cfg := server.Config{Addr: listen.WithPort(trackers.Port).String(), Guard: guard.New(log), Log: log}
				return serveTracker(ctx, c, cfg)
			}
		},
	}
}

// serveTracker runs a tracker until ctx ends.
func serveTracker(ctx context.Context, c cli.Call, cfg server.Config) error {
	s := server.New(cfg)
	pc, err := s.Listen()
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: the port is in use, perhaps by another tracker", cfg.Addr)
	}
	if err != nil {
		return err
	}
	at := pc.LocalAddr().(*net.UDPAddr).AddrPort()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, pc) }()
	if err := probeTracker(ctx, at); err != nil && ctx.Err() == nil {
		cancel()
		return errors.Join(err, <-served)
	}
	fmt.Fprintln(c.Stdout, trackers.URL(trackers.Reachable(at)))
	err = <-served
	st := s.Stats()
	fmt.Fprintf(c.Stdout, "answered %d connects, %d announces, %d scrapes; refused %d, dropped %d; at the end %d torrents with %d peers\n",
		st.Connects, st.Announces, st.Scrapes, st.Refusals, st.Dropped, st.Swarms, st.Peers)
	return err
}

// probeTracker returns nil once the tracker at that address has answered.
func probeTracker(ctx context.Context, at netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if at.Addr().IsUnspecified() { // [::] also takes IPv4
		at = netip.AddrPortFrom(cli.Localhost, at.Port())
	}
	client := tracker.New(tracker.Config{Listen: at.Addr()})
	defer client.Close()
	_, err := client.Scrape(ctx, trackers.URL(at), make([][20]byte, 1))
	return err
}
