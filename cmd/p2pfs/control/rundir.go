//go:build linux

package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socketSuffix ends the names of control sockets.
const socketSuffix = ".sock"

// runDir is the directory of the control sockets, held open: it belongs to
// this user and nobody else may enter it, and what was checked is what is
// used. Sockets in it are reached through the descriptor, which also keeps
// their paths shorter than the 108 bytes that an address of a socket has.
type runDir struct {
	f *os.File
}

// runDirPaths returns where control sockets may be, the first being where a
// new one goes: $XDG_RUNTIME_DIR/p2pfs, or without that variable
// /tmp/p2pfs-UID. The others are for commands whose environment is not the
// one the mount was started in.
func runDirPaths() []string {
	variable := os.Getenv("XDG_RUNTIME_DIR")
	tmp := fmt.Sprintf("/tmp/p2pfs-%d", os.Geteuid())
	var paths []string
	if variable == "" {
		paths = append(paths, tmp)
	}
	for _, base := range []string{variable, fmt.Sprintf("/run/user/%d", os.Geteuid())} {
		if path, ok := ownRuntimeDir(base); ok && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	if variable != "" {
		paths = append(paths, tmp)
	}
	return paths
}

// ownRuntimeDir returns p2pfs' directory in base, unless base is somebody
// else's: sudo may hand on the variable, and a directory that root makes there
// would shut out its user.
func ownRuntimeDir(base string) (string, bool) {
	var st unix.Stat_t
	if !filepath.IsAbs(base) || unix.Stat(base, &st) != nil || int(st.Uid) != os.Geteuid() {
		return "", false
	}
	return filepath.Join(base, "p2pfs"), true
}

// makeRunDir opens the directory for a new socket, and makes it if needed.
func makeRunDir() (*runDir, error) {
	path := runDirPaths()[0]
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return openRunDir(path)
}

// openRunDir opens a directory of sockets. It is an error if it is not a real
// directory, belongs to somebody else, or lets others in.
func openRunDir(path string) (*runDir, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	d := &runDir{os.NewFile(uintptr(fd), path)}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		switch {
		case int(st.Uid) != os.Geteuid():
			err = fmt.Errorf("%s: belongs to user %d, not to %d", path, st.Uid, os.Geteuid())
		case st.Mode&0o077 != 0:
			err = fmt.Errorf("%s: has mode %04o, want 0700: others may have put files there", path, st.Mode&0o7777)
		}
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the directory; sockets in it can no longer be reached by d.
func (d *runDir) Close() error { return d.f.Close() }

// SocketName returns the name of the control socket of a mount point, given
// as its real path.
func SocketName(mountPoint string) string {
	sum := sha256.Sum256([]byte(mountPoint))
	return hex.EncodeToString(sum[:8]) + socketSuffix
}

// address returns an address of the socket for net.Dial and net.Listen.
func (d *runDir) address(name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.f.Fd(), name)
}

// listen makes the socket of that name, for this user only. A socket that
// nobody answers any more is replaced; if somebody does, that is an error.
func (d *runDir) listen(name string) (*net.UnixListener, error) {
	fd := int(d.f.Fd())
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", d.f.Name(), err)
	}
	defer unix.Flock(fd, unix.LOCK_UN)
	switch conn, err := net.DialTimeout("unix", d.address(name), time.Second); {
	case err == nil:
		conn.Close()
		return nil, errors.New("a running p2pfs has this mount point already")
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(d.address(name)); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.address(name), Net: "unix"})
	if err != nil {
		return nil, err
	}
	// Until now nobody else could connect either: the directory lets nobody in.
	if err := os.Chmod(d.address(name), 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// sockets returns the names of all sockets in the directory.
func (d *runDir) sockets() ([]string, error) {
	if _, err := d.f.Seek(0, 0); err != nil {
		return nil, err
	}
	names, err := d.f.Readdirnames(-1)
	var sockets []string
	for _, name := range names {
		if strings.HasSuffix(name, socketSuffix) {
			sockets = append(sockets, name)
		}
	}
	return sockets, err
}
