package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"p2pfs/swarm/metainfo"
)

// Errors that callers branch on.
var (
	ErrMissing  = errors.New("disk: piece is not held")
	ErrReadOnly = errors.New("disk: files are opened for reading only")
	ErrRange    = errors.New("disk: range is not within the piece")
	ErrPiece    = errors.New("disk: blocks are not of the piece's length")
	ErrNotFile  = errors.New("not a regular file")
)

// Config says where a torrent's files are. Exactly one of Dir and Data is set.
type Config struct {
	MetaInfo *metainfo.MetaInfo

	// Dir is the directory that the torrent is downloaded to: its file, or
	// the directory with its files, stands in it under the torrent's name.
	// Pieces of files that are there already are kept if they verify, all
	// other bytes of theirs are overwritten.
	Dir string

	// Data is where the torrent's content lies to be seeded: the file or
	// directory itself, whatever its name, or a directory with it under the
	// torrent's name. Nothing below it is written or changed.
	Data string

	// Resume is the path of the record that saves hashing at the next start;
	// "" for none. See ResumeName.
	Resume string

	// OnLost is told of each piece that is held no longer because somebody
	// has changed its file. It is called without a lock held and must not
	// wait for reads.
	OnLost func(piece int)

	Log *slog.Logger // nil: silent
}

// Disk is the storage of one torrent.
type Disk struct {
	cfg    Config
	info   *metainfo.Info
	files  *files
	have   bitset // the pieces that are held; files takes them back, too
	proofs *proofs
	closed atomic.Bool
}

// Open prepares the storage; it hashes nothing. What the resume record vouches
// for is held at once, for the rest call Check. With Dir it creates the
// directories, empty files and symlinks of the torrent.
func Open(cfg Config) (*Disk, error) {
	if (cfg.Dir == "") == (cfg.Data == "") {
		return nil, errors.New("disk: exactly one of Dir and Data must be set")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.OnLost == nil {
		cfg.OnLost = func(int) {}
	}
	at, err := openLayout(&cfg)
	if err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	d := &Disk{cfg: cfg, info: at.info, have: newBits(at.info.Pieces.Count()), proofs: newProofs(cfg.MetaInfo)}
	d.files = &files{at: at, log: cfg.Log, state: make([]fileState, len(at.info.Files)), writev: pwritev, lost: d.lost, onLost: cfg.OnLost}
	if cfg.Dir != "" {
		if err := at.prepare(); err != nil {
			at.root.Close()
			return nil, fmt.Errorf("disk: %w", err)
		}
	}
	d.loadResume()
	return d, nil
}

// Path is where the torrent's file, or the directory with its files, is.
func (d *Disk) Path() string { return d.files.at.content }

// Has reports whether a piece is held.
func (d *Disk) Has(piece int) bool { return d.have.get(piece) }

// Have returns how many pieces are held.
func (d *Disk) Have() int { return d.have.count() }

// Complete reports whether all pieces are held.
func (d *Disk) Complete() bool { return d.have.count() == d.info.Pieces.Count() }

// SetLayers gives piece layers that were not in the metainfo. Pieces that
// Check has hashed without knowing what to compare with may be held then.
func (d *Disk) SetLayers(l metainfo.Layers) {
	d.proofs.layers.Store(&l)
	d.proofs.adopt(d.have)
}

// Close writes the resume record and closes all files; one that is being read
// stays open until then. It does not wait for reads and writes: end them
// before. A second Close does nothing.
func (d *Disk) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	err := d.Save()
	if err1 := d.files.close(); err == nil {
		err = err1
	}
	return err
}

// lost takes back everything said of the pieces of a file, and returns those
// that were held.
func (d *Disk) lost(file int) (held []int) {
	first, n := d.info.Pieces.OfFile(file)
	d.proofs.orphans.take(first, n)
	for p := first; p < first+n; p++ {
		if d.have.clear(p) {
			held = append(held, p)
		}
	}
	return held
}
