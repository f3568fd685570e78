package peer

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// A vector reads from a connection into several buffers at once. It belongs
// to one goroutine.
type vector struct {
	conn syscall.RawConn
	into [][]byte
	n    int
	err  error
	call func(fd uintptr) bool // once, so that a read allocates nothing for it
}

// newVector returns nil if the connection is no socket.
func newVector(c net.Conn) *vector {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	v := &vector{conn: rc}
	v.call = func(fd uintptr) bool {
		for {
			if v.n, v.err = unix.Readv(int(fd), v.into); v.err != unix.EINTR {
				return v.err != unix.EAGAIN
			}
		}
	}
	return v
}

// read waits for bytes, like the connection's Read, and returns how many came.
// It returns 0 and no error at the stream's end.
func (v *vector) read(into [][]byte) (int, error) {
	v.into = into
	if err := v.conn.Read(v.call); err != nil {
		return 0, err
	}
	return max(v.n, 0), v.err
}
