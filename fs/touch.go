//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// touchEnv is set in the environment of a process that is to ask something of
// a mount and to end. Its value is what, a space and a path.
//
// The process that serves a mount must not ask it anything itself. A thread
// that waits for an answer which a killed process owes to itself can end no
// more than the device can close that the process still holds: neither the
// process nor its mount would ever go. So it starts this program again, and
// that one has no such device.
const touchEnv = "P2PFS_FS_TOUCH"

// What can be asked.
const (
	touchReady = "ready" // list the root, and poll a file once
	touchAlive = "alive" // stat and statfs of the root
	touchLeave = "leave" // statfs of descriptor 3 until that fails
)

func init() {
	if what, ok := os.LookupEnv(touchEnv); ok {
		unix.Exit(int(touched(what))) // os.Exit is slow in a build with -race
	}
}

// touch starts a process that asks; files become its descriptors from 3 on.
func touch(ctx context.Context, what, path string, files ...*os.File) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = "/proc/self/exe"
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = []string{touchEnv + "=" + what + " " + path}
	cmd.ExtraFiles = files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for it
	return cmd
}

// answer is the error that a process ended with.
func answer(ctx context.Context, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("no answer: %w", context.Cause(ctx))
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return syscall.Errno(exit.ExitCode())
	}
	return err
}

// touched is the other side of touch.
func touched(what string) syscall.Errno {
	what, path, _ := strings.Cut(what, " ")
	var err error
	switch what {
	case touchReady:
		if err = listAll(path); err == nil {
			err = pollOnce(filepath.Join(path, pollName))
		}
	case touchAlive:
		var st unix.Stat_t
		var fs unix.Statfs_t // what stat wants to know the kernel may remember
		if err = unix.Stat(path, &st); err == nil {
			err = unix.Statfs(path, &fs)
		}
	case touchLeave:
		for err == nil || err == unix.EINTR {
			var fs unix.Statfs_t
			err = unix.Fstatfs(3, &fs)
		}
	default:
		err = syscall.EINVAL
	}
	var no syscall.Errno
	if err != nil && !errors.As(err, &no) {
		no = syscall.EIO
	}
	return no
}

// listAll reads a directory to its end.
func listAll(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for buf := make([]byte, 64<<10); ; {
		n, err := unix.Getdents(fd, buf)
		if err != nil && err != unix.EINTR || n == 0 {
			return err
		}
	}
}

// pollOnce polls a file, whatever comes of it.
func pollOnce(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return unix.Close(fd)
}
