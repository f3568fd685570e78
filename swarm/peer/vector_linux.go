package peer

import (
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A vector reads from a connection into several buffers at once, or writes
// several: one goroutine may do the one while another does the other.
type vector struct {
	conn    syscall.RawConn
	in, out transfer
}

// transfer is one direction of a vector.
type transfer struct {
	number uintptr // of the system call
	iov    []unix.Iovec
	n      int
	err    error
	call   func(fd uintptr) bool // once, so that nothing is allocated for each
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
	v.in.number, v.in.call = unix.SYS_READV, v.in.once
	v.out.number, v.out.call = unix.SYS_WRITEV, v.out.once
	return v
}

// once moves what the socket takes or has now. It reports false if that is
// nothing. The socket does not block, so the scheduler need not know of the
// call: being told, it takes the processor away from calls that copy for
// longer than 20 us, and wakes another thread for it.
func (t *transfer) once(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(t.number, fd, uintptr(unsafe.Pointer(&t.iov[0])), uintptr(len(t.iov)))
		if t.n = int(n); errno == 0 {
			t.err = nil
			return true
		}
		if errno != unix.EINTR {
			t.n, t.err = 0, errno
			return errno != unix.EAGAIN
		}
	}
}

// set makes parts, up to IOV_MAX of them, what is moved next.
func (t *transfer) set(parts [][]byte) {
	for _, p := range parts {
		if len(p) > 0 && len(t.iov) < maxIov {
			t.iov = append(t.iov, unix.Iovec{Base: &p[0]})
			t.iov[len(t.iov)-1].SetLen(len(p))
		}
	}
}

// forget lets go of the buffers: an idle connection holds none.
func (t *transfer) forget() {
	clear(t.iov)
	t.iov = t.iov[:0]
}

// maxIov is IOV_MAX of Linux.
const maxIov = 1024

// read waits for bytes, like the connection's Read, and returns how many came.
// It returns 0 and no error at the stream's end.
func (v *vector) read(into [][]byte) (int, error) {
	v.in.set(into)
	defer v.in.forget()
	if err := v.conn.Read(v.in.call); err != nil {
		return 0, err
	}
	return v.in.n, v.in.err
}

// write writes all parts, which it uses up, and waits until the socket has
// taken them.
func (v *vector) write(parts net.Buffers) error {
	for t := &v.out; len(parts) > 0; {
		t.set(parts)
		if len(t.iov) == 0 {
			return nil
		}
		err := v.conn.Write(t.call)
		t.forget()
		switch {
		case err != nil:
			return err
		case t.err != nil:
			return t.err
		case t.n == 0:
			return io.ErrShortWrite
		}
		consume(&parts, t.n)
	}
	return nil
}

// consume drops the first n bytes.
func consume(parts *net.Buffers, n int) {
	for len(*parts) > 0 && n >= len((*parts)[0]) {
		n -= len((*parts)[0])
		*parts = (*parts)[1:]
	}
	if n > 0 {
		(*parts)[0] = (*parts)[0][n:]
	}
}
