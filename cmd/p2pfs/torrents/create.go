package torrents

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/netflags"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// createFlags are the flags of create.
type createFlags struct {
	out         Output
	trackers    []string
	pieceLength int64
	format      string
	private     bool
	comment     string
}

func Create() cli.Command {
	return cli.Command{
		Name:    "create",
		Args:    "PATH",
		Summary: "make a torrent file of a file or directory",
		Help: `The torrent is named as PATH is; its infohashes and magnet are printed. Clients
that do not know BEP 52 can use v1 only, and some of them refuse even a hybrid.`,
		Min: 1, Max: 1,
		Setup: func(fs *pflag.FlagSet) cli.Action {
			f := createFlags{format: "v1"}
			AddOutput(fs, &f.out)
			netflags.AddTracker(fs, &f.trackers)
			fs.Var(cli.SizeFlag(&f.pieceLength), "piece-length", "bytes in a piece, a power of two from 16KiB to 64MiB (default: by the total size)")
			fs.Var(cli.ChoiceFlag(&f.format, "format", "v1", "v2", "hybrid"), "format", "v1 (BEP 3), v2 (BEP 52) or hybrid, which is both")
			fs.BoolVar(&f.private, "private", false, "peers are to come from the torrent's own trackers only (BEP 27)")
			fs.StringVar(&f.comment, "comment", "", "`text` for people")
			return f.run
		},
	}
}

// run makes the torrent.
func (f *createFlags) run(ctx context.Context, c cli.Call) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := f.out.Check("create"); err != nil {
		return err
	}
	m, err := f.create(ctx, c)
	if ctx.Err() != nil {
		return cli.ErrInterrupted
	}
	if err != nil {
		return err
	}
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	if len(data) > metainfo.MaxInfo {
		return fmt.Errorf("the torrent file would have %s, more than the %s that clients read: take longer pieces", human.Size(int64(len(data))), human.Size(metainfo.MaxInfo))
	}
	if err := f.out.Write(data); err != nil {
		return err
	}
	facts := factsOf(m)
	for _, infoHash := range []struct{ version, hash string }{{"v1", facts.InfoHashV1}, {"v2", facts.InfoHashV2}} {
		if infoHash.hash != "" {
			fmt.Fprintf(c.Stdout, "infohash %s  %s\n", infoHash.version, infoHash.hash)
		}
	}
	fmt.Fprintf(c.Stdout, "magnet       %s\n", facts.Magnet)
	return nil
}

// check returns an error for values that no torrent can have.
func (f *createFlags) check() error {
	n := f.pieceLength
	if n != 0 && (n < hashing.BlockSize || n > metainfo.MaxPieceLength || n&(n-1) != 0) {
		return cli.Usagef("create: --piece-length %s: want a power of two from %s to %s", cli.FormatSize(n), cli.FormatSize(hashing.BlockSize), cli.FormatSize(metainfo.MaxPieceLength))
	}
	return nil
}

// create hashes the files; how far it is can be seen on stderr.
func (f *createFlags) create(ctx context.Context, c cli.Call) (*metainfo.MetaInfo, error) {
	var done, total atomic.Int64
	opt := metainfo.CreateOptions{
		V1:          f.format != "v2",
		V2:          f.format != "v1",
		PieceLength: f.pieceLength,
		Options:     metainfo.Options{Private: f.private},
		Comment:     f.comment,
		CreatedBy:   "p2pfs",
		Created:     time.Now(),
		Progress: func(d, t int64) {
			done.Store(d)
			total.Store(t)
		},
	}
	for _, url := range f.trackers { // each a tier of its own: in the order given
		opt.Trackers = append(opt.Trackers, []string{url})
	}
	var speed cli.Meter
	stop := cli.NewProgress(c.Stderr).Start(func() string {
		d := done.Load()
		return cli.Transfer{Done: d, All: total.Load(), Rate: speed.Rate(time.Now(), d), Peers: -1}.String()
	})
	defer stop()
	m, err := metainfo.Create(ctx, c.Args[0], opt)
	if errors.Is(err, hashing.ErrLength) {
		return nil, fmt.Errorf("%w: it is being written, try again when it is whole", err)
	}
	return m, err
}
