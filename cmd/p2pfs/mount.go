//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/daemon"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/member"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/catalog"
)

// mountFlags are mount's flags as they were given.
type mountFlags struct {
	net          *netflags.Flags
	share, cache string
	cacheSize    int64
	keepFree     int64
	drive, name  string
	noTracker    bool
	openTracker  bool
	readTimeout  time.Duration
	allowOther   bool
	refuse       string
	scanLimit    int64
	daemon       bool
}

func mountCommand() cli.Command {
	return cli.Command{
		Name:    "mount",
		Args:    "MOUNTPOINT [FILE.torrent | MAGNET]...",
		Summary: "show what the members of a drive share as a directory",
		Help: `Stays in the foreground until it is interrupted or unmounted. What is copied
into the share directory appears on the mounts of all members of the drive.
Torrents and magnets given appear under their names in
MOUNTPOINT/.p2pfs/torrents/. A mount that a killed p2pfs left behind is taken
away first.

Search indexers, thumbnailers and virus scanners, which read everything they
find, get EAGAIN for what is not on this machine. By default these are:
  ` + tree.Indexers1 + `
  ` + tree.Indexers2 + `
  ` + tree.Indexers3 + `
  ` + tree.Indexers4 + `
A program that reads a little of many files is given just that, up to
--scan-limit. For locate, add fuse.p2pfs to PRUNEFS in /etc/updatedb.conf.

SIGINT, SIGTERM, SIGHUP and "p2pfs umount" fail the reads that wait. What is
still in use one second later is detached: it leaves the directory, and its open
files give errors. A second signal detaches and ends at once.

With --daemon it goes on in the background and returns when the mount can be
used, or with the reason why it cannot. Its log is the file "log" in the state
directory, of at most 1 MiB, and "log.old" the one before. Log lines that nobody
reads any more are dropped. Under systemd (Type=notify, WatchdogSec=) it says
when it is ready, ends, and is well.`,
		Min: 1, Max: -1,
		Setup: func(flags *pflag.FlagSet) cli.Action {
			f := &mountFlags{net: netflags.Add(flags, slog.LevelWarn), cacheSize: cache.DefaultSize, keepFree: -1, scanLimit: tree.DefaultScanLimit}
			flags.StringVar(&f.share, "share", "", "`directory` whose files are shared (default: ~/p2pfs)")
			flags.StringVar(&f.cache, "cache", "", "`directory` for pieces of others' files (default: $XDG_CACHE_HOME/p2pfs, or ~/.cache/p2pfs)")
			flags.Var(cli.SizeFlag(&f.cacheSize), "cache-size", "bytes that the cache may take")
			flags.Var(cli.KeepFreeFlag(&f.keepFree), "keep-free", "bytes that the cache leaves free on its disk (default: 5 % of it, at most "+cli.FormatSize(cache.DefaultKeepFree)+")")
			flags.StringVar(&f.drive, "drive", "public", "`name` of the drive: members that give the same name meet")
			flags.StringVar(&f.name, "name", "", "our `name` on the drive (default: the user's name)")
			flags.BoolVar(&f.noTracker, "no-embedded-tracker", false, "do not run a tracker, even if no --tracker is given")
			flags.BoolVar(&f.openTracker, "open-tracker", false, "let the tracker that is run serve any torrent, not only those of the drive and its files")
			flags.DurationVar(&f.readTimeout, "read-timeout", time.Minute, "how long a read may make no progress before it fails; 0 waits for ever")
			flags.StringVar(&f.refuse, "refuse", tree.Indexers, "`programs` that are refused what is not here, as names or patterns with commas between (default: those above; \"\" for none)")
			flags.Lookup("refuse").DefValue = "" // too long for the table
			flags.Var(cli.SizeFlag(&f.scanLimit), "scan-limit", "bytes an hour that a process may fetch that reads a little of many files; 0 for no limit")
			flags.BoolVar(&f.allowOther, "allow-other", false, "let other users into the mount (root, or user_allow_other in /etc/fuse.conf)")
			flags.BoolVar(&f.daemon, "daemon", false, "go on in the background once it is mounted")
			return f.run
		},
	}
}

// config completes what was given by what is the default.
func (f *mountFlags) config(mountPoint string, log *slog.Logger) (cfg member.Config, err error) {
	if f.readTimeout < 0 {
		return cfg, cli.Usagef("mount: --read-timeout %v: want 0 or more", f.readTimeout)
	}
	if f.cacheSize <= 0 {
		return cfg, cli.Usagef("mount: --cache-size: want more than 0")
	}
	scans, err := tree.NewScans(f.refuse, f.scanLimit, log)
	if err != nil {
		return cfg, cli.Usagef("mount: --refuse: %v", err)
	}
	if f.drive == "" {
		return cfg, cli.Usagef("mount: --drive: want a name")
	}
	cfg = member.Config{
		Drive: f.drive, Name: f.name, Share: f.share, Cache: f.cache, State: f.net.State, CacheSize: f.cacheSize, KeepFree: f.keepFree,
		Net: member.Net{
			Listen: f.net.Listen, Peers: f.net.Peers, Up: f.net.Up, Down: f.net.Down, NoPEX: f.net.NoPEX, LSD: !f.net.NoLSD, ReadTimeout: f.readTimeout,
			Trackers: f.net.Trackers, NoTracker: f.noTracker, OpenTracker: f.openTracker,
		},
		Scans: scans, AllowOther: f.allowOther, Version: version(), Log: log,
	}
	if cfg.Name == "" {
		cfg.Name = userName()
	}
	if err := catalog.CheckMemberName(cfg.Name); err != nil {
		return cfg, cli.Usagef("mount: --name %s: %v", human.Quoted(cfg.Name), err)
	}
	for _, d := range []struct {
		dir       *string
		byDefault func() (string, error)
	}{{&cfg.Share, dirs.Share}, {&cfg.Cache, dirs.Cache}, {&cfg.State, dirs.State}} {
		if *d.dir, err = dirs.OrDefault(*d.dir, d.byDefault); err != nil {
			return cfg, err
		}
		if *d.dir, err = filepath.Abs(*d.dir); err != nil {
			return cfg, err
		}
	}
	cfg.MountPoint, err = mounting.Check(mountPoint)
	if err != nil && !errors.Is(err, mounting.ErrMounted) { // it may not be empty because of these
		cfg.MountPoint = mountPoint
		if apart := cfg.CheckApart(); apart != nil {
			err = apart
		}
	}
	return cfg, err
}

// userName is the name of the user, or of the machine where there is none.
func userName() string {
	if u, err := user.Current(); err == nil && catalog.CheckMemberName(u.Username) == nil {
		return u.Username
	}
	if host, err := os.Hostname(); err == nil && catalog.CheckMemberName(host) == nil {
		return host
	}
	return "member"
}

// run mounts, or has it done in the background, which is told to what started
// it.
func (f *mountFlags) run(ctx context.Context, c cli.Call) error {
	waits := daemon.OpenStarter()
	err := f.open(ctx, c, waits)
	if err != nil {
		waits.Tell(daemon.SaysFailed, human.OneLine(err.Error()))
	}
	return err
}

// open reads what was given, and goes on here or in the background.
func (f *mountFlags) open(ctx context.Context, c cli.Call, waits *daemon.Starter) error {
	sources := make([]control.Source, len(c.Args)-1)
	for i, arg := range c.Args[1:] {
		var err error
		if sources[i], err = readSource(arg); err != nil {
			return err
		}
	}
	out, err := f.output(c, waits)
	if err != nil {
		return err
	}
	defer out.Close(cli.LastWords)
	p := cli.NewProgressOn(c.Stderr, out)
	if err := buryDying(ctx, c.Args[0]); err != nil {
		return fmt.Errorf("mount of a killed p2pfs: %w", err)
	}
	cfg, err := f.config(c.Args[0], netflags.NewLog(p, f.net.Level))
	if err != nil {
		return err
	}
	if f.daemon && waits == nil {
		return daemon.Start(ctx, c, cfg.State)
	}
	daemon.MoreProcs()
	if waits != nil { // or the directory it began in could not be unmounted
		if err := os.Chdir("/"); err != nil {
			return err
		}
	}
	return serveMount(ctx, cfg, sources, p, waits)
}

// output is where a mount says what it has to say: stderr, which may be gone or
// stand still, or the log of a mount in the background.
func (f *mountFlags) output(c cli.Call, waits *daemon.Starter) (*cli.LooseWriter, error) {
	if waits == nil {
		return cli.NewLooseWriter(c.Stderr), nil
	}
	state, err := dirs.OrDefault(f.net.State, dirs.State)
	if err == nil {
		state, err = filepath.Abs(state)
	}
	if err != nil {
		return nil, err
	}
	return cli.NewLooseWriter(daemon.NewLogFile(filepath.Join(state, daemon.LogName), unix.Stderr, unix.Stdout)), nil
}
