//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"syscall"
	"testing"
)

func TestErrno(t *testing.T) {
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	closing, cancel := context.WithCancelCause(t.Context())
	cancel(errClosing)
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	alive := t.Context()
	tests := []struct {
		ctx  context.Context
		err  error
		want syscall.Errno
	}{
		{alive, iofs.ErrNotExist, syscall.ENOENT},
		{alive, &os.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, syscall.ENOENT},
		{alive, fmt.Errorf("tree: %w", iofs.ErrNotExist), syscall.ENOENT},
		{alive, errNoXattr, syscall.ENODATA},
		{alive, errNoKind, syscall.EOPNOTSUPP},
		{alive, errRange, syscall.ERANGE},
		{alive, errReadOnly, syscall.EROFS},
		{alive, errName, syscall.ENAMETOOLONG},
		{alive, errNotDir, syscall.ENOTDIR},
		{alive, errIsDir, syscall.EISDIR},
		{alive, errInvalid, syscall.EINVAL},
		{alive, errNoSys, syscall.ENOSYS},
		{alive, errNoTTY, syscall.ENOTTY},
		{alive, fmt.Errorf("scanner: %w", ErrAgain), syscall.EAGAIN},
		{alive, ErrStale, syscall.ESTALE},
		{alive, io.EOF, syscall.EIO},
		{alive, errPanic, syscall.EIO},
		{alive, errors.New("bad piece"), syscall.EIO},
		{alive, syscall.EACCES, syscall.EIO},
		// Somebody's cancellation, not that of the process.
		{alive, context.Canceled, syscall.EIO},
		{alive, context.DeadlineExceeded, syscall.EIO},
		{alive, syscall.EINTR, syscall.EIO},
		{late, context.DeadlineExceeded, syscall.EIO},
		{closing, context.Canceled, syscall.EIO},
		{closing, errClosing, syscall.EIO},
		// The process's own signal.
		{interrupted, context.Canceled, syscall.EINTR},
		{interrupted, errInterrupted, syscall.EINTR},
		{interrupted, errors.New("whatever the content says"), syscall.EINTR},
	}
	for _, tt := range tests {
		if got := errno(tt.ctx, tt.err); got != tt.want {
			t.Errorf("errno(cause %v, %v) = %v, want %v", context.Cause(tt.ctx), tt.err, got, tt.want)
		}
	}
}
