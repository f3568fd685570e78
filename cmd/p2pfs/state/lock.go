//go:build linux

package state

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/human"
)

// stateLockName is the file on which a mount holds an flock.
const stateLockName = "lock"

// stateLockPatience is how long a p2pfs may take to wind up of which another
// takes over the state directory.
const stateLockPatience = 3 * time.Second

// Open makes the state directory this process', and checks its version.
// Closing the file gives it back.
func Open(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, stateLockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(stateLockPatience); ; time.Sleep(20 * time.Millisecond) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EWOULDBLOCK && err != unix.EINTR || time.Now().After(end) {
			break
		}
	}
	switch {
	case err == unix.EWOULDBLOCK:
		err = fmt.Errorf("state directory %s: in use by another p2pfs; give this one another --state", human.Quoted(dir))
	case err != nil:
		err = fmt.Errorf("state directory %s: lock: %w", human.Quoted(dir), err)
	default:
		err = mark(dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
