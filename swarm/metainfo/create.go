package metainfo

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
)

// CreateOptions says what torrent Create makes. The zero value makes one of
// version 1 without trackers, the piece length chosen by size.
type CreateOptions struct {
	V1, V2      bool  // both: a hybrid; neither: version 1
	PieceLength int64 // bytes; 0: PieceLength of the sum of lengths
	Options
	Trackers  [][]string
	URLList   []string
	Comment   string
	CreatedBy string
	Created   time.Time // zero: not written, so that the same input makes the same file

	// Progress, unless nil, is told how many bytes of how many are read. Its
	// calls do not overlap.
	Progress func(done, total int64)
}

// Create makes a torrent of a file or a directory, hashing on all cores. The
// torrent is named as the last element of path. Files are in the order of
// version 2's file tree, in every version; a hybrid has a pad file behind
// each file that does not end at a piece's end, also the last, as libtorrent
// makes them. Symlinks inside a directory become symlinks. A file that
// changes meanwhile is an error that wraps hashing.ErrLength.
func Create(ctx context.Context, path string, opt CreateOptions) (*MetaInfo, error) {
	if !opt.V1 && !opt.V2 {
		opt.V1 = true
	}
	s, err := scan(ctx, path)
	if err != nil {
		return nil, err
	}
	defer s.root.Close()
	if opt.PieceLength == 0 {
		opt.PieceLength = PieceLength(s.length)
	}
	c := &creator{sources: s, opt: opt}
	if err := c.check(); err != nil {
		return nil, err
	}
	if opt.V2 {
		err = c.hashEach(ctx)
	} else {
		err = c.hashAll(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c.metaInfo()
}

// smallFile is how long a file may be, in bytes, to be hashed beside others
// rather than on all cores.
const smallFile = 1 << 20

// creator makes one torrent.
type creator struct {
	*sources
	opt    CreateOptions
	hashes []hashing.FileHashes // of each file; for version 1 alone one of all

	mu   sync.Mutex // guards done and the calls of Progress: files are hashed at once
	done int64
}

func (c *creator) check() error {
	cfg := hashing.Config{PieceLength: c.opt.PieceLength, OnlyV1: !c.opt.V2}
	if err := cfg.Check(); err != nil {
		return err
	}
	n := ceilDiv(c.length, c.opt.PieceLength)
	if c.opt.V2 {
		n = 0
		for i := range c.files {
			n += ceilDiv(c.files[i].length, c.opt.PieceLength)
		}
	}
	if n > MaxPieces {
		return fmt.Errorf("%d pieces of %d bytes are more than %d: the piece length is too small", n, c.opt.PieceLength, MaxPieces)
	}
	return nil
}

// read returns a reader that tells Progress.
func (c *creator) read(r io.Reader) io.Reader {
	if c.opt.Progress == nil {
		return r
	}
	return progressReader{r, c}
}

type progressReader struct {
	io.Reader
	c *creator
}

func (r progressReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.c.mu.Lock()
		defer r.c.mu.Unlock()
		r.c.done += int64(n)
		r.c.opt.Progress(r.c.done, r.c.length)
	}
	return n, err
}

// hashEach hashes every file by itself: long ones one after the other, each
// on all cores; short ones side by side.
func (c *creator) hashEach(ctx context.Context) error {
	c.hashes = make([]hashing.FileHashes, len(c.files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	err := ctx.Err()
	for i := 0; i < len(c.files) && err == nil; i++ {
		switch f := &c.files[i]; {
		case f.length == 0:
		case f.length <= smallFile:
			group.Go(func() error { return c.hashFile(ctx, i) })
			err = ctx.Err()
		default:
			err = c.hashFile(ctx, i)
		}
	}
	if first := group.Wait(); first != nil {
		return first // and not that ctx ended for it
	}
	return err
}

func (c *creator) hashFile(ctx context.Context, i int) error {
	f := &c.files[i]
	file, err := c.open(f)
	if err != nil {
		return err
	}
	defer file.Close()
	cfg := hashing.Config{PieceLength: c.opt.PieceLength, Length: f.length, OnlyV2: !c.opt.V1, PadV1: !c.single}
	if c.hashes[i], err = hashing.File(ctx, c.read(file), cfg, nil); err != nil {
		return fmt.Errorf("%q: %w", f.name, err)
	}
	return f.unchanged(file)
}

// hashAll hashes all files end to end.
func (c *creator) hashAll(ctx context.Context) error {
	r := &chain{s: c.sources}
	defer r.close()
	cfg := hashing.Config{PieceLength: c.opt.PieceLength, Length: c.length, OnlyV1: true}
	h, err := hashing.File(ctx, c.read(r), cfg, nil)
	c.hashes = []hashing.FileHashes{h}
	return err
}

// metaInfo puts the torrent together.
func (c *creator) metaInfo() (*MetaInfo, error) {
	dict := map[string]any{"name": c.name, "piece length": c.opt.PieceLength}
	c.opt.Options.add(dict)
	layers := Layers{}
	if c.opt.V1 {
		c.list(dict)
	}
	if c.opt.V2 {
		dict["meta version"] = 2
		dict["file tree"] = c.tree(layers)
	}
	raw, err := bencode.Marshal(dict)
	if err != nil {
		return nil, err
	}
	info, err := ParseInfo(raw) // so that nothing is made that would be refused
	if err != nil {
		return nil, err
	}
	return &MetaInfo{
		Info: info, Layers: layers, Trackers: limitTiers(c.opt.Trackers), URLList: c.opt.URLList,
		Comment: c.opt.Comment, CreatedBy: c.opt.CreatedBy, Created: c.opt.Created,
	}, nil
}

// list adds the keys of version 1.
func (c *creator) list(dict map[string]any) {
	var pieces []Hash
	for i := range c.hashes {
		pieces = append(pieces, c.hashes[i].Pieces...)
	}
	dict["pieces"] = joinPieces(pieces)
	if c.single {
		dict["length"] = c.length
		return
	}
	var files []any
	for i := range c.files {
		f := &c.files[i]
		entry := map[string]any{"length": f.length, "path": f.path}
		f.attributes(entry)
		files = append(files, entry)
		if gap := -f.length & (c.opt.PieceLength - 1); c.opt.V2 && gap > 0 {
			files = append(files, map[string]any{
				"attr": "p", "length": gap, "path": []string{".pad", fmt.Sprint(gap)},
			})
		}
	}
	dict["files"] = files
}

func (f *source) attributes(entry map[string]any) {
	switch {
	case f.symlink != nil:
		entry["attr"], entry["symlink path"] = "l", f.symlink
	case f.exec:
		entry["attr"] = "x"
	}
}

// tree returns version 2's file tree, and fills layers.
func (c *creator) tree(layers Layers) map[string]any {
	root := map[string]any{}
	for i := range c.files {
		f, h := &c.files[i], &c.hashes[i]
		entry := map[string]any{"length": f.length}
		f.attributes(entry)
		if f.length > 0 {
			entry["pieces root"] = h.Root[:]
		}
		if h.Layer != nil {
			layers[h.Root] = h.Layer
		}
		dir := root
		for _, name := range f.path {
			sub, ok := dir[name].(map[string]any)
			if !ok {
				sub = map[string]any{}
				dir[name] = sub
			}
			dir = sub
		}
		dir[""] = entry
	}
	return root
}

func (o Options) add(dict map[string]any) {
	if o.Private {
		dict["private"] = 1
	}
	if o.Source != "" {
		dict["source"] = o.Source
	}
}

func joinPieces(pieces []Hash) []byte {
	p := make([]byte, 0, 20*len(pieces))
	for i := range pieces {
		p = append(p, pieces[i][:]...)
	}
	return p
}
