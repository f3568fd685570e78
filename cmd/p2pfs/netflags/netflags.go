// Package netflags has the flags of every command that has peers.
package netflags

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/tracker"
)

// Flags are the flags that every command with peers has.
type Flags struct {
	Listen   cli.ListenAddr
	Trackers []string
	Peers    []string // as ParsePeer lets them pass
	NoPEX    bool
	NoLSD    bool
	State    string // "": State
	Level    slog.Level
	Up, Down int64 // bytes a second of file data; 0: no limit
}

// Add declares them. level is the default of --log-level.
func Add(fs *pflag.FlagSet, level slog.Level) *Flags {
	n := &Flags{Listen: cli.ListenAddr{Port: cli.AnyPort}, Level: level}
	fs.Var(cli.ListenFlag(&n.Listen), "listen", "address to listen on and to dial from (default: all interfaces, the first free port from 6881 up)")
	AddTracker(fs, &n.Trackers)
	fs.Var(cli.ListFlag(&n.Peers, "host:port", cli.ParsePeer), "peer", "peer to dial without asking a tracker; may be given more than once")
	fs.BoolVar(&n.NoPEX, "no-pex", false, "do not tell peers of one another, nor listen to what they tell")
	fs.BoolVar(&n.NoLSD, "no-lsd", false, "do not announce on the local network, nor listen there")
	fs.StringVar(&n.State, "state", "", "`directory` for what is kept between runs (default: $XDG_STATE_HOME/p2pfs, or ~/.local/state/p2pfs)")
	fs.Var(cli.RateFlag(&n.Up), "upload-limit", "bytes a second of file data to send to peers, 0 for no limit")
	fs.Var(cli.RateFlag(&n.Down), "download-limit", "bytes a second of file data to fetch from peers, 0 for no limit")
	AddLevel(fs, &n.Level)
	return n
}

// AddTracker declares --tracker.
func AddTracker(fs *pflag.FlagSet, urls *[]string) {
	parse := func(s string) (string, error) { return s, tracker.ParseURL(s) }
	fs.Var(cli.ListFlag(urls, "url", parse), "tracker", "tracker to announce to, as udp://HOST:PORT or http(s)://HOST/announce; may be given more than once")
}

// AddLevel declares --log-level. It begins as *level.
func AddLevel(fs *pflag.FlagSet, level *slog.Level) {
	fs.Var(cli.LevelFlag(level), "log-level", "least level of log lines on stderr: debug, info, warn or error")
}

// NewLog returns a logger that writes lines of key=value to w, fit for a terminal.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(human.Lines(w), &slog.HandlerOptions{Level: level}))
}
