//go:build linux

package daemon

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// oldSuffix ends the name of the log before the present one.
const oldSuffix = ".old"

// OpenLog opens a log to append to; one that is too long is put aside first.
func OpenLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > MaxLog {
		if err := os.Rename(path, path+oldSuffix); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// logFile is the log of a mount in the background, written through a
// descriptor that the process was started with. When it is too long it is put
// aside and the descriptor begins a new one, so that there are never more than
// two of some MaxLog bytes, however long the mount runs. Safe for concurrent
// use.
type logFile struct {
	path string
	fds  []int // all that stand for the log; the first one is written to

	mu   sync.Mutex // guards size
	size int64
}

// NewLogFile returns the log at path that fds were opened as.
func NewLogFile(path string, fds ...int) *logFile {
	l := &logFile{path: path, fds: fds}
	var st unix.Stat_t
	if unix.Fstat(fds[0], &st) == nil {
		l.size = st.Size
	}
	return l
}

// Write appends a line. The error is that of the disk.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(p)) > MaxLog {
		l.begin()
	}
	n, err := unix.Write(l.fds[0], p)
	l.size += int64(max(n, 0))
	return max(n, 0), err
}

// begin begins a new log. Where that cannot be, the one there is emptied: the
// disk is not to be filled.
func (l *logFile) begin() {
	l.size = 0
	err := os.Rename(l.path, l.path+oldSuffix)
	if err == nil || os.IsNotExist(err) {
		var f *os.File
		if f, err = os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err == nil {
			defer f.Close()
			for _, fd := range l.fds {
				if err = unix.Dup3(int(f.Fd()), fd, 0); err != nil {
					break
				}
			}
		}
	}
	if err != nil {
		unix.Ftruncate(l.fds[0], 0)
	}
}
