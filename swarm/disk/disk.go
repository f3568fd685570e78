package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

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
	cfg     Config
	info    *metainfo.Info
	log     *slog.Logger
	root    *os.Root
	content string   // path of the file, or of the directory of the files
	paths   []string // of each file below root; "" for those that have none on disk
	open    openFiles
	have    bitset
	files   []fileState
	layers  atomic.Pointer[metainfo.Layers]
	orphan  orphans
	losing  sync.Mutex // one lose at a time
	closed  atomic.Bool

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
	d := &Disk{cfg: cfg, info: cfg.MetaInfo.Info, log: cfg.Log, writev: pwritev}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.cfg.OnLost == nil {
		d.cfg.OnLost = func(int) {}
	}
	d.have = newBits(d.info.NumPieces())
	d.files = make([]fileState, len(d.info.Files))
	d.layers.Store(&cfg.MetaInfo.Layers)
	if err := d.openRoot(); err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	if !d.readOnly() {
		if err := d.prepare(); err != nil {
			d.root.Close()
			return nil, fmt.Errorf("disk: %w", err)
		}
	}
	d.loadResume()
	return d, nil
}

func (d *Disk) readOnly() bool { return d.cfg.Data != "" }

// openRoot finds the directory that everything lies in, and where in it.
func (d *Disk) openRoot() error {
	dir, prefix := d.cfg.Dir, d.info.Name
	if d.readOnly() {
		var err error
		if dir, prefix, err = locate(d.cfg.Data, d.info); err != nil {
			return err
		}
	} else if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	d.root, d.content = root, filepath.Join(dir, prefix)
	d.paths = make([]string, len(d.info.Files))
	for i := range d.info.Files {
		f := &d.info.Files[i]
		if f.Pad {
			continue
		}
		p := prefix
		if !d.info.Single {
			p = path.Join(prefix, path.Join(f.Path...))
		}
		if !filepath.IsLocal(filepath.FromSlash(p)) {
			root.Close()
			return fmt.Errorf("file name %q leads out of the directory", p)
		}
		d.paths[i] = filepath.FromSlash(p)
	}
	return nil
}

// locate finds the content of a torrent at data: dir is the directory to work
// in, prefix the content's path in it.
func locate(data string, info *metainfo.Info) (dir, prefix string, err error) {
	real, err := filepath.EvalSymlinks(data)
	if err != nil {
		return "", "", err
	}
	fi, err := os.Stat(real)
	if err != nil {
		return "", "", err
	}
	if info.Single && fi.Mode().IsRegular() {
		return filepath.Dir(real), filepath.Base(real), nil
	}
	if !fi.IsDir() {
		return "", "", &fs.PathError{Op: "open", Path: data, Err: ErrNotFile}
	}
	if info.Single {
		return real, info.Name, nil
	}
	if likeness(filepath.Join(real, info.Name), info) > likeness(real, info) {
		return real, info.Name, nil
	}
	return real, ".", nil
}

// likeness returns how many of the first files of a torrent stand below dir
// with their length.
func likeness(dir string, info *metainfo.Info) (n int) {
	for i := range info.Files[:min(len(info.Files), 100)] {
		f := &info.Files[i]
		fi, err := os.Lstat(filepath.Join(dir, filepath.Join(f.Path...)))
		if !f.Pad && err == nil && fi.Mode().IsRegular() && fi.Size() == f.Length {
			n++
		}
	}
	return n
}

// prepare makes what has no bytes: directories, empty files and symlinks.
func (d *Disk) prepare() error {
	made := map[string]bool{".": true}
	for i := range d.info.Files {
		f := &d.info.Files[i]
		if f.Pad {
			continue
		}
		dir := filepath.Dir(d.paths[i])
		if !made[dir] {
			if err := d.root.MkdirAll(dir, 0o777); err != nil {
				return d.pathError(i, err)
			}
			made[dir] = true
		}
		var err error
		switch {
		case f.Symlink != nil:
			err = d.link(i)
		case f.Length == 0:
			err = d.touch(i)
		}
		if err != nil {
			return d.pathError(i, err)
		}
	}
	if !d.info.Single && !made[d.info.Name] {
		return d.root.MkdirAll(d.info.Name, 0o777)
	}
	return nil
}

// link makes the symlink that file i is, in the place of another symlink but
// of nothing else.
func (d *Disk) link(i int) error {
	f := &d.info.Files[i]
	target, err := filepath.Rel(filepath.Join(f.Path[:len(f.Path)-1]...), filepath.Join(f.Symlink...))
	if err != nil {
		return err
	}
	if old, err := d.root.Readlink(d.paths[i]); err == nil {
		if old == target {
			return nil
		}
		if err := d.root.Remove(d.paths[i]); err != nil {
			return err
		}
	}
	return d.root.Symlink(target, d.paths[i])
}

// touch makes the empty file i, or empties it.
func (d *Disk) touch(i int) error {
	h, err := d.openFile(i, true)
	if err != nil {
		return err
	}
	h.unref()
	return nil
}

// mode is what file i is created with, before the umask.
func (d *Disk) mode(i int) fs.FileMode {
	if d.info.Files[i].Exec {
		return 0o777
	}
	return 0o666
}

// pathError says of err, which need not name it, that it is about file i.
func (d *Disk) pathError(i int, err error) error {
	var pe *fs.PathError
	op := "open"
	if errors.As(err, &pe) {
		op, err = pe.Op, pe.Err
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.root.Name(), d.paths[i]), Err: err}
}

// Has reports whether a piece is held.
func (d *Disk) Has(piece int) bool { return d.have.get(piece) }

// Have returns how many pieces are held.
func (d *Disk) Have() int { return d.have.count() }

// Complete reports whether all pieces are held.
func (d *Disk) Complete() bool { return d.have.count() == d.info.NumPieces() }

// SetLayers gives piece layers that were not in the metainfo. Pieces that
// Check has hashed without knowing what to compare with may be held then.
func (d *Disk) SetLayers(l metainfo.Layers) {
	d.layers.Store(&l)
	d.adopt()
}

// Close writes the resume record and closes all files; a Section that is still
// in use stays open until its release. It does not wait for reads and writes:
// end them before. A second Close does nothing.
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
	d.open.forget(file)
	first, n := d.info.FilePieces(file)
	d.orphan.take(first, n)
	for p := first; p < first+n; p++ {
		if d.have.clear(p) {
			lost = append(lost, p)
		}
	}
	return lost
}

// flushed is after what time the system has written a file's data back.
const flushed = time.Minute
