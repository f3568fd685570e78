//go:build unix && !aix && !solaris

package kv

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lock takes the lock that bbolt will ask for. It waits for at most patience
// and returns ErrLocked then.
func lock(f *os.File, patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return os.NewSyscallError("flock", err)
		case time.Now().After(end):
			return ErrLocked
		}
	}
}
