package share

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const watchMask = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB |
	unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_DELETE |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF |
	unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

const eventHeader = unix.SizeofInotifyEvent

// inotify is the watcher of Linux.
type inotify struct {
	f    *os.File
	out  chan []event
	done chan struct{}
	wg   sync.WaitGroup
}

func newWatcher() (watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &inotify{
		f:    os.NewFile(uintptr(fd), "inotify"),
		out:  make(chan []event, 4),
		done: make(chan struct{}),
	}
	w.wg.Go(w.read)
	return w, nil
}

func (w *inotify) add(dir *os.File) (int32, error) {
	wd := -1
	err := withFd(dir, func(dirFd int) error {
		return withFd(w.f, func(fd int) (err error) {
			// By way of /proc it is this directory, whatever its
			// path leads to now.
			wd, err = unix.InotifyAddWatch(fd, fmt.Sprintf("/proc/self/fd/%d", dirFd), watchMask)
			if errors.Is(err, unix.ENOENT) { // no /proc
				wd, err = unix.InotifyAddWatch(fd, dir.Name(), watchMask|unix.IN_DONT_FOLLOW)
			}
			return err
		})
	})
	if err != nil {
		return noWatch, err
	}
	return int32(wd), nil
}

func (w *inotify) remove(wd int32) {
	withFd(w.f, func(fd int) error {
		_, err := unix.InotifyRmWatch(fd, uint32(wd))
		return err // EINVAL: it went with its directory
	})
}

func (w *inotify) events() <-chan []event { return w.out }

func (w *inotify) close() {
	close(w.done)
	w.f.Close()
	w.wg.Wait()
}

func (w *inotify) read() {
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
func parseEvents(buf []byte) []event {
	var events []event
	for len(buf) >= eventHeader {
		wd := int32(binary.NativeEndian.Uint32(buf))
		mask := binary.NativeEndian.Uint32(buf[4:])
		end := eventHeader + int(binary.NativeEndian.Uint32(buf[12:]))
		if end > len(buf) {
			break
		}
		name := strings.TrimRight(string(buf[eventHeader:end]), "\x00")
		buf = buf[end:]
		e := event{wd: wd, what: eventOf(mask, name), name: name}
		if n := len(events); n == 0 || events[n-1] != e {
			events = append(events, e)
		}
	}
	return events
}

func eventOf(mask uint32, name string) eventKind {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		return evOverflow
	case mask&unix.IN_IGNORED != 0:
		return evForgot
	case name == "":
		return evSelf
	case mask&unix.IN_MODIFY != 0:
		return evModify
	}
	return evName
}
