//go:build linux

package member

import (
	"log/slog"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/tree"
)

// Net is how a process is on the net. Limits are bytes a second; 0: none.
type Net struct {
	Listen          cli.ListenAddr
	Peers           []string
	Up, Down        int64
	NoPEX, LSD      bool
	ReadTimeout     time.Duration
	Trackers        []string
	NoTracker       bool          // run none
	OpenTracker     bool          // ours serves any torrent
	TrackerTakeOver time.Duration // 0: TakeOverEvery
}

// Config is what a member of a drive is made from.
type Config struct {
	Drive, Name         string
	Share, Cache, State string // directories
	MountPoint          string
	CacheSize, KeepFree int64 // KeepFree < 0: the cache's default
	Net                 Net
	Scans               *tree.Scans
	AllowOther          bool
	Version             string // as status tells it
	Log                 *slog.Logger
}

// CheckApart returns an error if one of the directories lies in another.
func (cfg Config) CheckApart() error {
	return dirs.CheckApart(
		dirs.Dir{Role: "share directory", Path: cfg.Share}, dirs.Dir{Role: "cache", Path: cfg.Cache},
		dirs.Dir{Role: "state directory", Path: cfg.State}, dirs.Dir{Role: "mount point", Path: cfg.MountPoint},
	)
}
