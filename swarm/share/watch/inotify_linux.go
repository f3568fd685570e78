package watch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/share/inode"
)

const mask = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB |
	unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF |
	unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

const eventHeader = unix.SizeofInotifyEvent

// Watcher is the watches of this process, or a part of them.
type Watcher struct {
	f    *os.File
	out  chan []Event
	done chan struct{}
	wg   sync.WaitGroup
}

// New begins with no watch. Close must be called.
func New() (*Watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &Watcher{
		f:    os.NewFile(uintptr(fd), "inotify"),
		out:  make(chan []Event, 4),
		done: make(chan struct{}),
	}
	w.wg.Go(w.read)
	return w, nil
}

// Add watches an open directory and returns a number for it. Watching a directory
// again returns the same number.
func (w *Watcher) Add(dir *os.File) (int32, error) {
	wd := -1
	err := inode.WithFd(dir, func(dirFd int) error {
		return inode.WithFd(w.f, func(fd int) (err error) {
			// By way of /proc it is this directory, whatever its
			// path leads to now.
			wd, err = unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", dirFd), mask)
			if errors.Is(err, unix.ENOENT) { // no /proc
				wd, err = unix.InotifyAddWatch(fd, dir.Name(), mask|unix.IN_DONT_FOLLOW)
			}
			return err
		})
	})
	if err != nil {
		return None, err
	}
	return int32(wd), nil
}

// Remove ends a watch; that is Forgotten then.
func (w *Watcher) Remove(wd int32) {
	inode.WithFd(w.f, func(fd int) error {
		_, err := unix.InotifyRmWatch(fd, uint32(wd))
		return err // EINVAL: it went with its directory
	})
}

// Events yields what happens, in order, until Close, or until nothing more can be
// told.
func (w *Watcher) Events() <-chan []Event { return w.out }

// Close ends all watches and waits for the goroutine.
func (w *Watcher) Close() {
	close(w.done)
	w.f.Close()
	w.wg.Wait()
}

func (w *Watcher) read() {
	defer close(w.out)
	buf := make([]byte, 64<<10)
	for {
		n, err := w.f.Read(buf)
		if err != nil {
			return
		}
		select {
		case w.out <- parseEvents(buf[:n]):
		case <-w.done:
			return
		}
	}
}

// parseEvents reads the kernel's form: inotify(7). The kernel gives whole
// events only; what is cut short is left out.
func parseEvents(buf []byte) []Event {
	var events []Event
	for len(buf) >= eventHeader {
		wd := int32(binary.NativeEndian.Uint32(buf))
		mask := binary.NativeEndian.Uint32(buf[4:])
		end := eventHeader + int(binary.NativeEndian.Uint32(buf[12:]))
		if end > len(buf) {
			break
		}
		name := strings.TrimRight(string(buf[eventHeader:end]), "\x00")
		buf = buf[end:]
		e := Event{Watch: wd, What: eventOf(mask, name), Name: name}
		if n := len(events); n == 0 || events[n-1] != e {
			events = append(events, e)
		}
	}
	return events
}

func eventOf(mask uint32, name string) Kind {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		return Lost
	case mask&unix.IN_IGNORED != 0:
		return Forgotten
	case name == "":
		return Self
	case mask&unix.IN_MODIFY != 0:
		return Modified
	}
	return Entry
}
