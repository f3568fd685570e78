package mounting

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Prepare makes sure that dir can be mounted on, by this user and, with
// allowOther, for all, and returns its path, absolute and without symbolic
// links. A mount that a killed p2pfs left behind is taken away, which log is
// told.
func Prepare(dir string, allowOther bool, log *slog.Logger) (string, error) {
	if err := installed(); err != nil {
		return "", err
	}
	path, err := resolve(dir)
	if err != nil {
		return "", err
	}
	if err := heal(path, log); err != nil {
		return "", err
	}
	if err := usable(path); err != nil {
		return "", err
	}
	if os.Geteuid() != 0 {
		err = permitted(path, allowOther)
	}
	return path, err
}

// Able tells why this user could mount nowhere, nil if he could.
func Able() error {
	err := installed()
	if err == nil && os.Geteuid() != 0 {
		err = permitted(os.TempDir(), false)
	}
	return err
}

// permitted tells what fusermount3 would refuse to a user other than root; it
// says it on our stderr only.
func permitted(path string, allowOther bool) error {
	if err := unix.Access(fuseDevice, unix.R_OK|unix.W_OK); err != nil {
		return fmt.Errorf("%s: %w", fuseDevice, err)
	}
	if unix.Access(path, unix.W_OK) != nil {
		return errors.New("directory is not writable, which fusermount3 wants of a mount point")
	}
	if allowOther {
		conf, err := os.ReadFile(fuseConf)
		if err == nil && !userAllowOther(string(conf)) {
			return errors.New("other users may be let in only after 'user_allow_other' was added to " + fuseConf)
		}
	}
	return nil
}

const (
	fuseConf   = "/etc/fuse.conf"
	fuseDevice = "/dev/fuse"
)

// userAllowOther tells whether fuse.conf lets ordinary users pass allow_other.
func userAllowOther(conf string) bool {
	for line := range strings.Lines(conf) {
		if strings.TrimSpace(line) == "user_allow_other" {
			return true
		}
	}
	return false
}

// installed tells what is missing on this machine.
func installed() error {
	if _, err := os.Stat(fuseDevice); errors.Is(err, os.ErrNotExist) {
		return errors.New("there is no /dev/fuse: load it with 'modprobe fuse' " +
			"(in a container, start that with --device /dev/fuse), and 'apt-get install fuse3'")
	}
	if _, err := exec.LookPath("fusermount3"); err != nil {
		return errors.New("fusermount3 is missing: 'apt-get install fuse3'")
	}
	return nil
}

// maxLinks is how many symbolic links a mount point may go through, as in the
// kernel.
const maxLinks = 40

// resolve returns dir absolute and without symbolic links. It does not touch
// the last component when a filesystem is mounted there, because that one may
// be dead.
func resolve(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no directory given")
	}
	for range maxLinks {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		up, err := filepath.EvalSymlinks(filepath.Dir(abs))
		if err != nil {
			return "", plain(err)
		}
		path := filepath.Join(up, filepath.Base(abs))
		if _, ok, err := At(path); ok || err != nil {
			return path, err
		}
		target, err := os.Readlink(path)
		if err != nil {
			return path, nil // not a link
		}
		if dir = target; !filepath.IsAbs(target) {
			dir = filepath.Join(up, target)
		}
	}
	return "", syscall.ELOOP
}

// usable tells why an unmounted path cannot be mounted on.
func usable(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return plain(err)
	}
	if !st.IsDir() {
		return errors.New("not a directory")
	}
	d, err := os.Open(path)
	if err != nil {
		return plain(err)
	}
	defer d.Close()
	if _, err := d.Readdirnames(1); err != io.EOF {
		if err == nil {
			err = errors.New("directory is not empty")
		}
		return plain(err)
	}
	return nil
}

// plain drops the operation and path from an error; the caller names the path.
func plain(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Check tells why dir cannot be mounted on, as Mount would, and returns its
// path without symbolic links. It changes nothing: a dead mount of ours is left
// for Mount to take away. What is mounted there cannot hold it up for more than
// two seconds.
func Check(dir string) (string, error) {
	path, err := resolve(dir)
	if err != nil {
		return "", fmt.Errorf("mount %s: %w", dir, err)
	}
	_, left, err := occupant(path)
	if err == nil && !left {
		err = usable(path)
	}
	if err != nil {
		return "", fmt.Errorf("mount %s: %w", path, err)
	}
	return path, nil
}

// Resolve returns dir absolute and without symbolic links. It asks nothing of
// a filesystem that is mounted on dir, which may be dead or deaf.
func Resolve(dir string) (string, error) {
	path, err := resolve(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	return path, nil
}

// heal detaches dead p2pfs mounts from path, and refuses living ones.
func heal(path string, log *slog.Logger) error {
	for range maxLinks {
		m, left, err := occupant(path)
		if err != nil || !left {
			return err
		}
		log.Warn("dead mount of an earlier run taken away", "dir", path)
		if err := m.Abandon(); err != nil {
			return fmt.Errorf("dead mount: %w", err)
		}
	}
	return ErrMounted
}

// occupant looks at what is mounted at path. left is a p2pfs whose process is
// gone; what else is in the way is an error.
func occupant(path string) (m Mounted, left bool, err error) {
	m, ok, err := At(path)
	if err != nil || !ok {
		return m, false, err
	}
	gone := dead(path)
	switch {
	case m.Ours() && !gone:
		return m, false, fmt.Errorf("%w: a running p2pfs shows this directory", ErrMounted)
	case !m.Ours() && gone:
		return m, false, fmt.Errorf("a dead %s is mounted there: 'fusermount3 -uz %s' takes it away", m.Type, path)
	case !m.Ours():
		return m, false, nil // a directory like any other
	}
	return m, true, nil
}

// probeTime is how long a mount may take to answer before it counts as alive
// but slow.
const probeTime = 2 * time.Second

// dead tells whether the process behind a mount is gone. Only statfs asks it
// every time; what stat needs the kernel may still remember.
func dead(path string) bool {
	answer := make(chan error, 1)
	go func() {
		var st unix.Statfs_t
		answer <- unix.Statfs(path, &st)
	}()
	select {
	case err := <-answer:
		return errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ECONNABORTED)
	case <-time.After(probeTime):
		return false
	}
}
