//go:build linux

package fs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Unmount takes away the p2pfs that is mounted on dir, also a dead one.
// ErrBusy says that something in it is in use; with force it is detached all
// the same, and every request in it fails. ErrNotMounted says that there is none.
func Unmount(dir string, force bool) error {
	path, err := resolve(dir)
	if err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	m, ok, err := mountedAt(path)
	switch {
	case err != nil:
		return fmt.Errorf("unmount %s: %w", dir, err)
	case !ok:
		return fmt.Errorf("unmount %s: %w", dir, ErrNotMounted)
	case m.typ != fstype:
		return fmt.Errorf("unmount %s: %w: it is a mount of type %s", dir, ErrNotMounted, m.typ)
	}
	if force || probe(path) {
		err = detach(path, m.minor)
	} else {
		err = unmount(path)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// unmount takes away a mount that nothing uses; ErrBusy otherwise. Root does it
// itself, others ask fusermount3.
func unmount(path string) error {
	switch err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW); err {
	case nil:
		return nil
	case syscall.EBUSY:
		return ErrBusy
	case syscall.EPERM:
		return fusermount("-u", path)
	default:
		return err
	}
}

// lazy takes a mount out of the namespace whatever uses it.
func lazy(path string) error {
	err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == syscall.EPERM {
		err = fusermount("-uz", path)
	}
	return err
}

// detach does as lazy, and aborts the connection: all requests fail.
func detach(path string, minor uint32) error {
	err := unix.Unmount(path, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != syscall.EPERM {
		return err
	}
	abort(minor)
	return fusermount("-uz", path)
}

// abort ends the FUSE connection through the control filesystem, where that is
// mounted (fusectl; the owner of the mount may do it).
func abort(minor uint32) error {
	return os.WriteFile(fmt.Sprintf("/sys/fs/fuse/connections/%d/abort", minor), []byte("1"), 0)
}

// fusermount runs the helper that may unmount for others than root.
func fusermount(flag, path string) error {
	cmd := exec.Command("fusermount3", flag, "--", path)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	switch text := strings.TrimSpace(string(out)); {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return installed()
	case strings.HasSuffix(text, unix.EBUSY.Error()) || strings.HasSuffix(text, "Device or resource busy"):
		return ErrBusy
	case text != "":
		return errors.New(text)
	default:
		return fmt.Errorf("fusermount3: %w", err)
	}
}

const (
	retryTime = 20 * time.Millisecond // between two tries to unmount what is busy
	leaveTime = 5 * time.Second       // for goroutines to end after that
)

// Close fails what waits, unmounts, and returns when no goroutine of the mount
// is left. A mount that is in use for longer than Config.Grace is detached: it
// leaves /proc/mounts at once, and whoever has files of it open gets errors.
func (m *Mountpoint) Close() error {
	m.closing.Do(func() { m.closed = m.shut() })
	return m.closed
}

func (m *Mountpoint) shut() error {
	m.server.fail()
	if err := m.unmountOwn(); err != nil {
		return fmt.Errorf("unmount %s: %w", m.dir, err)
	}
	select {
	case <-m.gone:
		return nil
	case <-time.After(m.grace):
		abort(m.minor) // copied into another mount namespace
	}
	select {
	case <-m.gone:
		return nil
	case <-time.After(leaveTime):
		return fmt.Errorf("unmount %s: %w: detached, but requests of it still run", m.dir, ErrBusy)
	}
}

// unmountOwn tries until the grace ends, then detaches.
func (m *Mountpoint) unmountOwn() error {
	end := time.Now().Add(m.grace)
	for {
		select {
		case <-m.gone:
			return nil // what is there now is another mount
		default:
		}
		at, ok, err := mountedAt(m.dir)
		if err != nil {
			return err
		}
		if !ok || at.minor != m.minor || at.typ != fstype {
			return nil // somebody else was faster
		}
		if err = unmount(m.dir); !errors.Is(err, ErrBusy) {
			return err
		}
		if time.Now().After(end) {
			return m.abandon()
		}
		select {
		case <-m.gone:
		case <-time.After(retryTime):
		}
	}
}

// abandon detaches the mount, and ends its connection from our side.
func (m *Mountpoint) abandon() error {
	m.log.Warn("mount is in use, detached", "dir", m.dir)
	dir, err := unix.Open(m.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return detach(m.dir, m.minor)
	}
	err = lazy(m.dir)
	m.server.leave(dir)
	return err
}
