package torrents

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

func Get() cli.Command {
	return cli.Command{
		Name:    "get",
		Args:    "FILE.torrent|MAGNET",
		Summary: "fetch a torrent into a directory",
		Help: `Done when all of it is there and verified; of a magnet that chooses files (so=)
those. What is there already is verified first, and only the rest is fetched.`,
		Min: 1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			dir := fs.StringP("output", "o", ".", "`directory` to put it into, made if it is not there")
			andSeed := fs.Bool("seed", false, "go on serving it until interrupted")
			n := netflags.Add(fs, slog.LevelWarn)
			return func(ctx context.Context, c cli.Call) error {
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
func (t *torrent) get(ctx context.Context, c cli.Call) error {
	spec, err := specOf(c.Args[0])
	if err != nil {
		return err
	}
	spec.Everything = true
	began := time.Now()
	stop := t.line.Start(t.status)
	defer stop()
	err = t.start(ctx, spec)
	if err == nil {
		err = t.swarm.Load().Wait(ctx)
	}
	if ctx.Err() != nil {
		return cli.ErrInterrupted
	}
	if err != nil {
		return err
	}
	m, err := t.swarm.Load().Metadata(ctx)
	if err != nil {
		return err
	}
	if spec.Magnet != nil && !selectsAny(*spec.Magnet, m.Info) {
		return fmt.Errorf("the magnet chooses none of the torrent's %s", human.Count(int64(len(m.Info.Files)), "file"))
	}
	d := t.disk.Load()
	if d.Complete() { // a magnet may choose some files only
		if err := d.Finish(); err != nil {
			return err
		}
	}
	stop()
	there := heldBytes(d, m.Info)
	fmt.Fprintf(c.Stdout, "%s: %s verified, %s of it fetched in %s\n",
		human.Quoted(d.Path()), human.Size(there), human.Size(there-t.found.Load()), human.Duration(time.Since(began)))
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
	if IsMagnet(arg) {
		m, err := metainfo.ParseMagnet(arg)
		return swarm.Spec{Magnet: &m, Select: m.Selected}, err
	}
	m, err := ReadMetaInfo(arg)
	return swarm.Spec{MetaInfo: m}, err
}
