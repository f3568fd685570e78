package disk

import (
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
)

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

// files are a torrent's files and what is known of each. It finds out when
// somebody else has changed one.
type files struct {
	at     layout
	log    *slog.Logger
	open   openFiles
	state  []fileState
	losing sync.Mutex // one lose at a time
	// lost takes back what is said of a file's pieces, and returns those that
	// were held; each of them onLost is told, without a lock held.
	lost   func(file int) []int
	onLost func(piece int)

	// writev is pwritev, apart from tests of a full disk.
	writev func(f *os.File, blocks [][]byte, off int64) (int, error)
}

// close closes all files.
func (f *files) close() error {
	f.open.closeAll()
	return f.at.root.Close()
}

// acquire returns the open file with a reference for the caller. For writing
// it creates the file and gives it its length.
func (f *files) acquire(file int, write bool) (*handle, error) {
	if h := f.open.get(file, write); h != nil {
		return h, nil
	}
	if f.open.isClosed() {
		return nil, fs.ErrClosed
	}
	opened, err := f.at.openFile(file, write)
	if err != nil {
		return nil, f.at.pathError(file, err)
	}
	// Whatever was said of another file under this name is void.
	if id, _, err := identify(opened); err == nil {
		ino := &f.state[file].ino
		if old := ino.Load(); old != 0 && old != id.ino {
			f.lose(file, nil)
		}
		ino.Store(id.ino)
	}
	h := newHandle(opened, file, write)
	f.open.put(h)
	return h, nil
}

// lose takes back everything said of the pieces of a file, because it is not
// what seal says (nil: not what it must be). Only the first to find that does it.
func (f *files) lose(file int, seal *ident) {
	for _, p := range f.unseal(file, seal) {
		f.onLost(p)
	}
}

func (f *files) unseal(file int, seal *ident) (lost []int) {
	st := &f.state[file]
	f.losing.Lock()
	defer f.losing.Unlock()
	if seal != nil && st.seal.Load() != seal {
		return nil
	}
	f.log.Warn("file was changed by somebody else", "path", f.at.paths[file])
	st.lost.Add(1)
	defer st.lost.Add(1)
	st.known.Store(false)
	st.seal.Store(nil)
	st.ino.Store(0) // the next file under this name takes nothing more away
	f.open.forget(file)
	return f.lost(file)
}
