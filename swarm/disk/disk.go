package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
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
	cfg Config
	log *slog.Logger
	layout
	open   openFiles
	have   bitset
	files  []fileState
	layers atomic.Pointer[metainfo.Layers]
	orphan orphans
	losing sync.Mutex // one lose at a time
	closed atomic.Bool

	// writev is pwritev, apart from tests of a full disk.
	writev func(f *os.File, blocks [][]byte, off int64) (int, error)
}

// fileState is what is known of one file.
type fileState struct {
	// seal is what the file looked like when its pieces were verified; nil
	// while it is being written or nothing is known.
	seal atomic.Pointer[ident]
	// known says that the pieces of the file that are not held are missing,
	// rather than not looked at yet.
	known atomic.Bool
	dirty atomic.Bool   // was written to, and may not be on the device
	ino   atomic.Uint64 // of the file that all this is about; 0: not known
	// lost is odd while the file's pieces are being taken back. A read or
	// write under which it moves is void.
	lost atomic.Int64
}

// ident tells whether a file has changed. The zero value is no file's.
type ident struct {
	size  int64
	mtime int64 // Unix nanoseconds
	ino   uint64
}

// Open prepares the storage; it hashes nothing. What the resume record vouches
// for is held at once, for the rest call Check. With Dir it creates the
// directories, empty files and symlinks of the torrent.
func Open(cfg Config) (*Disk, error) {
	if (cfg.Dir == "") == (cfg.Data == "") {
		return nil, errors.New("disk: exactly one of Dir and Data must be set")
	}
	d := &Disk{cfg: cfg, log: cfg.Log, writev: pwritev}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.cfg.OnLost == nil {
		d.cfg.OnLost = func(int) {}
	}
	var err error
	if d.layout, err = openLayout(&cfg); err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	d.have = newBits(d.info.Pieces.Count())
	d.files = make([]fileState, len(d.info.Files))
	d.layers.Store(&cfg.MetaInfo.Layers)
	if cfg.Dir != "" {
		if err := d.prepare(); err != nil {
			d.root.Close()
			return nil, fmt.Errorf("disk: %w", err)
		}
	}
	d.loadResume()
	return d, nil
}

// Path is where the torrent's file, or the directory with its files, is.
func (d *Disk) Path() string { return d.content }

// Has reports whether a piece is held.
func (d *Disk) Has(piece int) bool { return d.have.get(piece) }

// Have returns how many pieces are held.
func (d *Disk) Have() int { return d.have.count() }

// Complete reports whether all pieces are held.
func (d *Disk) Complete() bool { return d.have.count() == d.info.Pieces.Count() }

// SetLayers gives piece layers that were not in the metainfo. Pieces that
// Check has hashed without knowing what to compare with may be held then.
func (d *Disk) SetLayers(l metainfo.Layers) {
	d.layers.Store(&l)
	d.adopt()
}

// Close writes the resume record and closes all files; one that is being read
// stays open until then. It does not wait for reads and writes: end them
// before. A second Close does nothing.
func (d *Disk) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	err := d.Save()
	d.open.closeAll()
	if err1 := d.root.Close(); err == nil {
		err = err1
	}
	return err
}

// lose takes back everything said of the pieces of a file, because it is not
// what seal says (nil: not what it must be). Only the first to find that does it.
func (d *Disk) lose(file int, seal *ident) {
	for _, p := range d.unseal(file, seal) {
		d.cfg.OnLost(p)
	}
}

func (d *Disk) unseal(file int, seal *ident) (lost []int) {
	st := &d.files[file]
	d.losing.Lock()
	defer d.losing.Unlock()
	if seal != nil && st.seal.Load() != seal {
		return nil
	}
	d.log.Warn("file was changed by somebody else", "path", d.paths[file])
	st.lost.Add(1)
	defer st.lost.Add(1)
	st.known.Store(false)
	st.seal.Store(nil)
	st.ino.Store(0) // the next file under this name takes nothing more away
	d.open.forget(file)
	first, n := d.info.Pieces.OfFile(file)
	d.orphan.take(first, n)
	for p := first; p < first+n; p++ {
		if d.have.clear(p) {
			lost = append(lost, p)
		}
	}
	return lost
}
