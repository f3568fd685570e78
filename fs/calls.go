//go:build linux

package fs

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"

	"bazil.org/fuse"
	"golang.org/x/sys/unix"

	"p2pfs/fs/mounting"
)

// opReaddirplus is the number of FUSE_READDIRPLUS, which the library does not
// know.
const opReaddirplus = 44

// calls are the requests that are being served. A reply is owned by whoever
// claims its call. So an interrupted read is answered at once, also when its
// Content is slow to heed its context, and what that returns later is dropped.
type calls struct {
	dev     int // the device, to answer what the library does not
	reading reading

	mu   sync.Mutex
	open map[fuse.RequestID]*call // not yet answered; guarded by mu
}

// call is a request that is being served. It is the context of that request.
type call struct {
	context.Context
	cancel context.CancelCauseFunc
	of     *calls
	req    fuse.Request
	pid    int
	list   *listRequest // of a listing with attributes
	bare   bool         // the library has its memory back, and must not answer it
}

// listRequest is the body of a FUSE_READDIRPLUS.
type listRequest struct {
	handle fuse.HandleID
	off    int64
	size   int
}

// reading counts the reads of file data.
type reading struct {
	reads, bytes atomic.Int64 // answered
	waiting      atomic.Int64 // being answered just now
}

func (r *reading) count(n int) {
	r.reads.Add(1)
	r.bytes.Add(int64(n))
}

func newCalls(dev int) *calls { return &calls{dev: dev, open: make(map[fuse.RequestID]*call)} }

// begin enters a request into the table. The memory of those that the library
// need not answer it has back then: 132 KiB each, for as long as they wait.
func (t *calls) begin(ctx context.Context, req fuse.Request) *call {
	h := req.Hdr()
	c := &call{of: t, req: req, pid: int(h.Pid)}
	c.Context, c.cancel = context.WithCancelCause(ctx)
	switch r := req.(type) {
	case *fuse.ReadRequest:
		c.bare = !r.Dir
	case *fuse.UnrecognizedRequest:
		c.list = parseList(r)
		c.bare = c.list != nil
	}
	if c.bare {
		giveBack(h)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[h.ID] = c
	return c
}

// parseList returns what a FUSE_READDIRPLUS asks for; nil if it is none.
func parseList(r *fuse.UnrecognizedRequest) *listRequest {
	if r.Opcode != opReaddirplus {
		return nil
	}
	b := mounting.Body(r)
	if len(b) < 20 {
		return nil
	}
	return &listRequest{fuse.HandleID(order.Uint64(b)), int64(order.Uint64(b[8:])), int(min(order.Uint32(b[16:]), mounting.MaxRead))}
}

// get returns a call that is not answered, nil if it is.
func (t *calls) get(id fuse.RequestID) *call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open[id]
}

// fail answers all calls with EIO.
func (t *calls) fail() {
	t.mu.Lock()
	all := t.open
	t.open = make(map[fuse.RequestID]*call)
	t.mu.Unlock()
	for _, c := range all {
		c.answerError(syscall.EIO)
	}
}

// Value makes PID work without a context of its own for each request.
func (c *call) Value(key any) any {
	if key == (pidKey{}) {
		return c.pid
	}
	return c.Context.Value(key)
}

// claim tells whether c is still to be answered; the caller then does.
func (c *call) claim() bool {
	t, id := c.of, c.req.Hdr().ID
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open[id] != c {
		return false
	}
	delete(t.open, id)
	return true
}

// end answers c with EINTR, if it was not answered.
func (c *call) end() {
	c.cancel(errInterrupted)
	c.refuse(errInterrupted)
}

// refuse answers c with what err is to the kernel, if it was not answered.
func (c *call) refuse(err error) {
	if c.claim() {
		c.answerError(errno(c, err))
	}
}

// answerError answers a call that was claimed.
func (c *call) answerError(no syscall.Errno) {
	if !c.bare {
		c.req.RespondError(no)
		return
	}
	head := make([]byte, headerSize)
	header(head, c.req.Hdr().ID, 0, int32(no))
	unix.Write(c.of.dev, head) // it fails when the kernel does not wait any more
}

// answer answers a bare call that was claimed, with data in parts. It reports
// whether the kernel has taken it.
func (c *call) answer(n int, parts ...[]byte) bool {
	head := make([]byte, headerSize)
	header(head, c.req.Hdr().ID, n, 0)
	_, err := unix.Writev(c.of.dev, append([][]byte{head}, parts...))
	return err == nil
}
