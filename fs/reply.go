//go:build linux

package fs

import (
	"encoding/binary"
	"slices"
	"sync"

	"bazil.org/fuse"
	"golang.org/x/sys/unix"

	"p2pfs/fs/mounting"
)

// Answers to READ are written to the kernel's device by this package. The
// library would make, clear and fill a second buffer for each of them, which
// the collector then has to find: that was half of all time spent.

var order = binary.NativeEndian

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

// send answers request id with n bytes of data.
func (b reply) send(fd int, id fuse.RequestID, n int) {
	h := b[page-headerSize:]
	header(h, id, n, 0)
	unix.Write(fd, h[:headerSize+n]) // it fails when the kernel does not wait any more
}

// header fills h with struct fuse_out_header.
func header(h []byte, id fuse.RequestID, n int, errno int32) {
	order.PutUint32(h, uint32(headerSize+n))
	order.PutUint32(h[4:], uint32(-errno))
	order.PutUint64(h[8:], uint64(id))
}

// giveBack returns the memory of a request (132 KiB) to the library, without an
// answer through it. FORGET has none, so its Respond does only that.
func giveBack(h *fuse.Header) { (&fuse.ForgetRequest{Header: *h}).Respond() }

// pool keeps replies, by size. One is free again when it was written.
type pool [len(replySizes)]sync.Pool

// replySizes are what replies have room for: a block and a little more, what the
// kernel reads ahead by itself, and the most that it asks for. Who waits for
// little does not hold much.
var replySizes = [...]int{16 << 10, 128 << 10, mounting.MaxRead}

var replies pool

// get returns a reply with room for n bytes, which are at most mounting.MaxRead.
func (p *pool) get(n int) *reply {
	i := 0
	for n > replySizes[i] {
		i++
	}
	if b, ok := p[i].Get().(*reply); ok {
		return b
	}
	b := newReply(replySizes[i])
	return &b
}

func (p *pool) put(b *reply) { p[slices.Index(replySizes[:], b.room())].Put(b) }
