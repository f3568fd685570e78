//go:build linux

package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"syscall"
)

// errInterrupted is the cause of a request's context when the kernel took the
// request back: its process got a signal.
var errInterrupted = errors.New("interrupted by a signal")

// errClosing is the cause of all contexts once the mount is being closed.
var errClosing = errors.New("mount is being closed")

// errno turns an error of a Tree or Content, met under the context of one
// request, into what the kernel is told. It is the only place that does, and
// returns a bare number: the library would make EIO of a wrapped one.
//
// EINTR is only for the process's own signal; anybody else's deadline or
// cancellation is EIO, or the process would try again for ever.
func errno(ctx context.Context, err error) syscall.Errno {
	switch {
	case context.Cause(ctx) == errInterrupted:
		return syscall.EINTR
	case errors.Is(err, errReadOnly):
		return syscall.EROFS
	case errors.Is(err, iofs.ErrNotExist):
		return syscall.ENOENT
	case errors.Is(err, errNoXattr):
		return syscall.ENODATA
	case errors.Is(err, errNoKind):
		return syscall.EOPNOTSUPP
	case errors.Is(err, errRange):
		return syscall.ERANGE
	case errors.Is(err, errName):
		return syscall.ENAMETOOLONG
	case errors.Is(err, errNotDir):
		return syscall.ENOTDIR
	case errors.Is(err, errIsDir):
		return syscall.EISDIR
	case errors.Is(err, errInvalid):
		return syscall.EINVAL
	case errors.Is(err, errNoSys):
		return syscall.ENOSYS
	case errors.Is(err, errNoTTY):
		return syscall.ENOTTY
	case errors.Is(err, ErrStale):
		return syscall.ESTALE
	case errors.Is(err, ErrAgain):
		return syscall.EAGAIN
	}
	return syscall.EIO
}

// What this package itself answers requests with.
var (
	errReadOnly = errors.New("read-only filesystem")
	errNoXattr  = errors.New("no such attribute")
	errNoKind   = errors.New("no attributes of that kind")
	errRange    = errors.New("value does not fit")
	errName     = errors.New("name is too long")
	errNotDir   = errors.New("not a directory")
	errIsDir    = errors.New("is a directory")
	errInvalid  = errors.New("not of that kind")
	errNoSys    = errors.New("never answered here") // the kernel stops asking
	errNoTTY    = errors.New("no ioctl")
	errPanic    = errors.New("panic")
)
