package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

func getCommand() command {
	return command{
		name:    "get",
		args:    "FILE.torrent|MAGNET",
		summary: "fetch a torrent into a directory",
		help: `Done when all of it is there and verified; of a magnet that chooses files (so=)
those. What is there already is verified first, and only the rest is fetched.`,
		min: 1, max: 1,
		setup: func(fs *pflag.FlagSet) action {
			dir := fs.StringP("output", "o", ".", "`directory` to put it into, made if it is not there")
			andSeed := fs.Bool("seed", false, "go on serving it until interrupted")
			n := addNetFlags(fs, slog.LevelWarn)
			return func(ctx context.Context, c call) error {
				t, err := newTorrent(n, c)
				if err != nil {
					return err
				}
				defer t.close()
				t.dir = *dir
				if err := t.get(ctx, c); err != nil || !*andSeed {
					return err
				}
				return t.serve(ctx)
			}
		},
	}
}

// get fetches the torrent and returns when all of it is there.
func (t *torrent) get(ctx context.Context, c call) error {
	spec, err := specOf(c.args[0])
	if err != nil {
		return err
	}
	spec.Everything = true
	began := time.Now()
	stop := t.line.start(t.status)
	defer stop()
	err = t.start(ctx, spec)
	if err == nil {
		err = t.swarm.Load().Wait(ctx)
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	m, err := t.swarm.Load().Metadata(ctx)
	if err != nil {
		return err
	}
	if spec.Magnet != nil && !selectsAny(*spec.Magnet, m.Info) {
		return fmt.Errorf("the magnet chooses none of the torrent's %s", count(int64(len(m.Info.Files)), "file"))
	}
	d := t.disk.Load()
	if d.Complete() { // a magnet may choose some files only
		if err := d.Finish(); err != nil {
			return err
		}
	}
	stop()
	there := held(d, m.Info)
	fmt.Fprintf(c.stdout, "%s: %s verified, %s of it fetched in %s\n",
		quoted(d.Path()), humanSize(there), humanSize(there-t.found.Load()), humanDuration(time.Since(began)))
	return nil
}

// selectsAny reports whether a magnet wants any file of its torrent (BEP 53).
func selectsAny(m metainfo.Magnet, in *metainfo.Info) bool {
	for i := range in.Files {
		if m.Selected(i) {
			return true
		}
	}
	return false
}

// specOf reads the torrent file or magnet that arg is.
func specOf(arg string) (swarm.Spec, error) {
	if isMagnet(arg) {
		m, err := metainfo.ParseMagnet(arg)
		return swarm.Spec{Magnet: &m, Select: m.Selected}, err
	}
	m, err := readMetaInfo(arg)
	return swarm.Spec{MetaInfo: m}, err
}
