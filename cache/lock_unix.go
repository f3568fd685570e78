//go:build unix && !solaris

package cache

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of an open directory, or returns ErrInUse. It is
// released when f is closed.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return ErrInUse
	}
	return os.NewSyscallError("flock", err)
}
