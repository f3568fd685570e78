package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"p2pfs/swarm/metainfo"
)

// createFlags are the flags of create.
type createFlags struct {
	out         output
	trackers    []string
	pieceLength int64
	format      string
	private     bool
	comment     string
}

func createCommand() command {
	return command{
		name:    "create",
		args:    "PATH",
		summary: "make a torrent file of a file or directory",
		help: `The torrent is named as PATH is; its infohashes and magnet are printed. Clients
that do not know BEP 52 can use v1 only, and some of them refuse even a hybrid.`,
		min: 1, max: 1,
		setup: func(fs *pflag.FlagSet) action {
			f := createFlags{format: "v1"}
			addOutputFlags(fs, &f.out)
			addTrackerFlag(fs, &f.trackers)
			fs.Var(sizeFlag(&f.pieceLength), "piece-length", "bytes in a piece, a power of two from 16KiB to 64MiB (default: by the total size)")
			fs.Var(choiceFlag(&f.format, "format", "v1", "v2", "hybrid"), "format", "v1 (BEP 3), v2 (BEP 52) or hybrid, which is both")
			fs.BoolVar(&f.private, "private", false, "peers are to come from the torrent's own trackers only (BEP 27)")
			fs.StringVar(&f.comment, "comment", "", "`text` for people")
			return f.run
		},
	}
}

// run makes the torrent.
func (f *createFlags) run(ctx context.Context, c call) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := f.out.check("create"); err != nil {
		return err
	}
	m, err := f.create(ctx, c)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	data, err := m.Marshal()
	if err != nil {
		return err
	}
	if len(data) > maxTorrentFile {
		return fmt.Errorf("the torrent file would have %s, more than the %s that clients read: take longer pieces", humanSize(int64(len(data))), humanSize(maxTorrentFile))
	}
	if err := f.out.write(data); err != nil {
		return err
	}
	facts := torrentFacts(m)
	for _, infoHash := range []struct{ version, hash string }{{"v1", facts.InfoHashV1}, {"v2", facts.InfoHashV2}} {
		if infoHash.hash != "" {
			fmt.Fprintf(c.stdout, "infohash %s  %s\n", infoHash.version, infoHash.hash)
		}
	}
	fmt.Fprintf(c.stdout, "magnet       %s\n", facts.Magnet)
	return nil
}

// check returns an error for values that no torrent can have.
func (f *createFlags) check() error {
	n := f.pieceLength
	if n != 0 && (n < metainfo.BlockSize || n > metainfo.MaxPieceLength || n&(n-1) != 0) {
		return usagef("create: --piece-length %s: want a power of two from %s to %s", formatSize(n), formatSize(metainfo.BlockSize), formatSize(metainfo.MaxPieceLength))
	}
	return nil
}

// create hashes the files; how far it is can be seen on stderr.
func (f *createFlags) create(ctx context.Context, c call) (*metainfo.MetaInfo, error) {
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
	var speed meter
	stop := newProgress(c.stderr).start(func() string {
		d := done.Load()
		return transfer{done: d, all: total.Load(), rate: speed.rate(time.Now(), d), peers: -1}.String()
	})
	defer stop()
	m, err := metainfo.Create(ctx, c.args[0], opt)
	if errors.Is(err, metainfo.ErrLength) {
		return nil, fmt.Errorf("%w: it is being written, try again when it is whole", err)
	}
	return m, err
}
