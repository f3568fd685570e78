package torrents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/swarm"
	"p2pfs/swarm/disk"
	"p2pfs/swarm/metainfo"
)

func Seed() cli.Command {
	return cli.Command{
		Name:    "seed",
		Args:    "FILE.torrent",
		Summary: "serve the files of a torrent",
		Help: `The files are verified first, and never written to. Runs until it is
interrupted.`,
		Min: 1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			data := fs.String("data", "", "the torrent's file or directory, or the directory it lies in, as `path` (required)")
			n := netflags.Add(fs, slog.LevelWarn)
			return func(ctx context.Context, c cli.Call) error {
				if *data == "" {
					return cli.Usagef("seed: --data PATH is required")
				}
				t, err := newTorrent(n, c)
				if err != nil {
					return err
				}
				defer t.close()
				t.data = *data
				if err := t.seed(ctx, c); err != nil {
					return err
				}
				return t.serve(ctx)
			}
		},
	}
}

// seed begins to serve the torrent.
func (t *torrent) seed(ctx context.Context, c cli.Call) error {
	m, err := ReadMetaInfo(c.Args[0])
	if err != nil {
		return err
	}
	stop := t.line.Start(t.status)
	defer stop()
	err = t.start(ctx, swarm.Spec{MetaInfo: m})
	if ctx.Err() != nil {
		return cli.ErrInterrupted
	}
	if err != nil {
		return err
	}
	stop()
	fmt.Fprintf(c.Stdout, "%s: %s verified, serving on %s\n", human.Quoted(t.data), human.Size(m.Info.Length()), t.client.Addr())
	return nil
}

// incomplete tells what of a torrent's data is not as the torrent says.
func incomplete(d *disk.Disk, in *metainfo.Info) error {
	if d.Have() == 0 {
		return errors.New("not the torrent's data: no piece of it verifies")
	}
	return fmt.Errorf("not all of the torrent's data: %d of %s do not verify", in.Pieces.Count()-d.Have(), human.Count(int64(in.Pieces.Count()), "piece"))
}
