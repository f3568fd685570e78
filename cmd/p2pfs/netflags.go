package main

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/tracker"
)

// netFlags are the flags that every command with peers has.
type netFlags struct {
	listen   cli.ListenAddr
	trackers []string
	peers    []string // as ParsePeer lets them pass
	noPEX    bool
	noLSD    bool
	state    string // "": State
	level    slog.Level
	up, down int64 // bytes a second of file data; 0: no limit
}

// addNetFlags declares them. level is the default of --log-level.
func addNetFlags(fs *pflag.FlagSet, level slog.Level) *netFlags {
	n := &netFlags{listen: cli.ListenAddr{Port: cli.AnyPort}, level: level}
	fs.Var(cli.ListenFlag(&n.listen), "listen", "address to listen on and to dial from (default: all interfaces, the first free port from 6881 up)")
	addTrackerFlag(fs, &n.trackers)
	fs.Var(cli.ListFlag(&n.peers, "host:port", cli.ParsePeer), "peer", "peer to dial without asking a tracker; may be given more than once")
	fs.BoolVar(&n.noPEX, "no-pex", false, "do not tell peers of one another, nor listen to what they tell")
	fs.BoolVar(&n.noLSD, "no-lsd", false, "do not announce on the local network, nor listen there")
	fs.StringVar(&n.state, "state", "", "`directory` for what is kept between runs (default: $XDG_STATE_HOME/p2pfs, or ~/.local/state/p2pfs)")
	fs.Var(cli.RateFlag(&n.up), "upload-limit", "bytes a second of file data to send to peers, 0 for no limit")
	fs.Var(cli.RateFlag(&n.down), "download-limit", "bytes a second of file data to fetch from peers, 0 for no limit")
	addLevelFlag(fs, &n.level)
	return n
}

// addTrackerFlag declares --tracker.
func addTrackerFlag(fs *pflag.FlagSet, urls *[]string) {
	parse := func(s string) (string, error) { return s, tracker.ParseURL(s) }
	fs.Var(cli.ListFlag(urls, "url", parse), "tracker", "tracker to announce to, as udp://HOST:PORT or http(s)://HOST/announce; may be given more than once")
}

// addLevelFlag declares --log-level. It begins as *level.
func addLevelFlag(fs *pflag.FlagSet, level *slog.Level) {
	fs.Var(cli.LevelFlag(level), "log-level", "least level of log lines on stderr: debug, info, warn or error")
}

// newLog returns a logger that writes lines of key=value to w, fit for a terminal.
func newLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(human.Lines(w), &slog.HandlerOptions{Level: level}))
}
