//go:build linux

package fs

import (
	"encoding/binary"
	"os"
	"reflect"
	"sync"

	"bazil.org/fuse"
	"golang.org/x/sys/unix"
)

// Answers to READ are written to the kernel's device by this package. The
// library would make, clear and fill a second buffer for each of them, which
// the collector then has to find: that was half of all time spent.

// device returns a descriptor of the connection's device, the caller's own, or
// -1 when the library keeps it elsewhere than it used to; replies then go
// through the library.
func device(conn *fuse.Conn) int {
	v := reflect.ValueOf(conn).Elem().FieldByName("dev")
	if !v.IsValid() || v.Type() != reflect.TypeFor[*os.File]() || v.IsNil() {
		return -1
	}
	fd, err := unix.FcntlInt((*os.File)(v.UnsafePointer()).Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// headerSize is the length of struct fuse_out_header: length of the reply,
// errno below zero, number of the request.
const headerSize = 16

// reply is the memory of an answer to a READ: a header right before a page
// boundary, and room for data behind that. Data that begins a few bytes into a
// page costs twice as much to copy, by the file's read and by the kernel.
type reply []byte

const page = 4096

// newReply returns a reply with room for n bytes.
func newReply(n int) reply { return make(reply, page+n) }

// room returns how many bytes fit.
func (b reply) room() int { return len(b) - page }

// data returns the first n bytes behind the header.
func (b reply) data(n int) []byte { return b[page : page+n] }

// send answers request id with n bytes of data, or an errno and none.
func (b reply) send(fd int, id fuse.RequestID, n int, errno int32) {
	h := b[page-headerSize:]
	header(h, id, n, errno)
	unix.Write(fd, h[:headerSize+n]) // it fails when the kernel does not wait any more
}

// header fills h with struct fuse_out_header.
func header(h []byte, id fuse.RequestID, n int, errno int32) {
	binary.NativeEndian.PutUint32(h, uint32(headerSize+n))
	binary.NativeEndian.PutUint32(h[4:], uint32(-errno))
	binary.NativeEndian.PutUint64(h[8:], uint64(id))
}

// lend answers a read with memory that its content lends: nothing is copied on
// the way to the kernel. It reports false where the content has to be read.
func (s *server) lend(c *call, r *fuse.ReadRequest, h *handle, n int) bool {
	resident, ok := h.content.(Resident)
	if !ok || n == 0 {
		return false
	}
	parts, release, ok := resident.Lend(r.Offset, n)
	if !ok {
		return false
	}
	defer release()
	if s.claim(c) {
		s.reads.Add(1)
		s.readBytes.Add(int64(n))
		head := make([]byte, headerSize)
		header(head, r.ID, n, 0)
		unix.Writev(s.dev, append([][]byte{head}, parts...)) // as send
	}
	return true
}

// giveBack returns the memory of a request (132 KiB) to the library, without an
// answer through it. FORGET has none, so its Respond does only that.
func giveBack(h *fuse.Header) { (&fuse.ForgetRequest{Header: *h}).Respond() }

// pool keeps replies. One is free again when it was written.
type pool struct{ small, large sync.Pool }

const (
	smallRead = 16 << 10
	largeRead = 128 << 10 // the most that the library lets the kernel ask for
)

var replies pool

// get returns a reply with room for n bytes.
func (p *pool) get(n int) *reply {
	from, size := &p.large, max(n, largeRead)
	if n <= smallRead {
		from, size = &p.small, smallRead
	}
	if b, ok := from.Get().(*reply); ok && b.room() >= n {
		return b
	}
	b := newReply(size)
	return &b
}

func (p *pool) put(b *reply) {
	if b.room() == smallRead {
		p.small.Put(b)
	} else {
		p.large.Put(b)
	}
}
