package mounting

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

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
	m, ok, err := At(path)
	switch {
	case err != nil:
		return fmt.Errorf("unmount %s: %w", dir, err)
	case !ok:
		return fmt.Errorf("unmount %s: %w", dir, ErrNotMounted)
	case !m.Ours():
		return fmt.Errorf("unmount %s: %w: it is a mount of type %s", dir, ErrNotMounted, m.Type)
	}
	if force || dead(path) {
		err = m.Abandon()
	} else {
		err = m.Unmount()
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// Unmount takes away a mount that nothing uses; ErrBusy otherwise. Root does it
// itself, others ask fusermount3.
func (m Mounted) Unmount() error {
	switch err := unix.Unmount(m.Path, unix.UMOUNT_NOFOLLOW); err {
	case nil:
		return nil
	case syscall.EBUSY:
		return ErrBusy
	case syscall.EPERM:
		return fusermount("-u", m.Path)
	default:
		return err
	}
}

// Detach takes a mount out of the namespace whatever uses it, and lets those
// go on.
func (m Mounted) Detach() error {
	err := unix.Unmount(m.Path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == syscall.EPERM {
		err = fusermount("-uz", m.Path)
	}
	return err
}

// Abandon does as Detach, and aborts the connection: all requests fail.
func (m Mounted) Abandon() error {
	err := unix.Unmount(m.Path, unix.MNT_FORCE|unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != syscall.EPERM {
		return err
	}
	m.Abort()
	return fusermount("-uz", m.Path)
}

// Abort ends the FUSE connection through the control filesystem, where that is
// mounted (fusectl; the owner of the mount may do it).
func (m Mounted) Abort() error {
	return os.WriteFile(fmt.Sprintf("/sys/fs/fuse/connections/%d/abort", m.Minor), []byte("1"), 0)
}

// fusermount runs the helper that may unmount for others than root.
func fusermount(flag, path string) error {
	out, err := helper(flag, "--", path).CombinedOutput()
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

// helper is a run of fusermount3 that says what it says in English.
func helper(args ...string) *exec.Cmd {
	cmd := exec.Command("fusermount3", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}
