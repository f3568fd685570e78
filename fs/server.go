//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"bazil.org/fuse"
)

// server reads requests from the kernel and replies to them. The goroutine
// that reads a request serves it; before it does, it sees to it that another
// one is left reading, so that no request waits behind a blocked one, and a
// quick one costs no switch of goroutines.
//
// Replies are owned by whoever takes the call out of the table of calls. So an
// interrupted read is answered at once, also when its Content is slow to heed
// its context, and what that returns later is dropped.
type server struct {
	conn  *fuse.Conn
	files *files
	log   *slog.Logger
	ctx   context.Context // of the mount; ended with errClosing
	close context.CancelCauseFunc

	mu    sync.Mutex
	calls map[fuse.RequestID]*call // not yet answered; guarded by mu

	idle atomic.Int32   // goroutines in ReadRequest
	wg   sync.WaitGroup // all goroutines that serve

	requests, reads, readBytes, waiting, panics atomic.Int64
}

// call is a request that is being served. It is the context of that request.
type call struct {
	context.Context
	cancel context.CancelCauseFunc
	req    fuse.Request
	pid    int
}

// Value makes PID work without a context of its own for each request.
func (c *call) Value(key any) any {
	if key == (pidKey{}) {
		return c.pid
	}
	return c.Context.Value(key)
}

func newServer(conn *fuse.Conn, f *files, log *slog.Logger) *server {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &server{
		conn: conn, files: f, log: log, ctx: ctx, close: cancel,
		calls: make(map[fuse.RequestID]*call),
	}
}

// readers is how many goroutines stay reading when there is little to do.
const readers = 2

// start begins to serve; wg ends after the kernel has closed the connection.
func (s *server) start() {
	for range readers {
		s.spawn()
	}
}

func (s *server) spawn() {
	s.idle.Add(1)
	s.wg.Go(s.loop)
}

func (s *server) loop() {
	for {
		req, err := s.conn.ReadRequest()
		if err != nil {
			if s.retry(err) {
				continue
			}
			s.idle.Add(-1)
			s.fail() // nobody listens to what still waits
			return
		}
		if s.idle.Add(-1) == 0 {
			s.spawn()
		}
		s.serve(req)
		if s.idle.Add(1) > readers {
			s.idle.Add(-1)
			return
		}
	}
}

// retry tells whether the connection lives on after a failed ReadRequest:
// requests that were taken back while being read (ENOENT), signals, and what
// the library cannot parse.
func (s *server) retry(err error) bool {
	var no syscall.Errno
	switch {
	case errors.Is(err, io.EOF):
		return false
	case errors.As(err, &no):
		return no == syscall.ENOENT || no == syscall.EINTR || no == syscall.EAGAIN
	}
	s.log.Warn("request from the kernel not understood", "err", err)
	return true
}

// fail ends the mount's context and answers all calls with EIO.
func (s *server) fail() {
	s.close(errClosing)
	s.mu.Lock()
	calls := s.calls
	s.calls = make(map[fuse.RequestID]*call)
	s.mu.Unlock()
	for _, c := range calls {
		c.req.RespondError(syscall.EIO)
	}
}

// serve answers one request.
func (s *server) serve(req fuse.Request) {
	s.requests.Add(1)
	if s.unanswered(req) {
		return
	}
	c := s.begin(req)
	defer c.cancel(nil)
	defer func() {
		if v := recover(); v != nil {
			s.panics.Add(1)
			s.log.Error("panic in a request", "request", fmt.Sprintf("%T", req),
				"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			s.refuse(c, errPanic)
		}
	}()
	if err := s.dispatch(c); err != nil {
		s.refuse(c, err)
	}
}

// unanswered serves the requests that have no reply.
func (s *server) unanswered(req fuse.Request) bool {
	switch r := req.(type) {
	case *fuse.ForgetRequest:
		s.files.nodes.forget(r.Node, r.N)
		r.Respond()
	case *fuse.BatchForgetRequest:
		for _, i := range r.Forget {
			s.files.nodes.forget(i.NodeID, i.N)
		}
		r.Respond()
	case *fuse.InterruptRequest:
		s.interrupt(r)
	default:
		return false
	}
	return true
}

// interrupt ends the call that r is about. If another goroutine has read that
// call and not yet entered it, the kernel is asked to say it again.
func (s *server) interrupt(r *fuse.InterruptRequest) {
	s.mu.Lock()
	c := s.calls[r.IntrID]
	s.mu.Unlock()
	if c == nil {
		r.RespondError(syscall.EAGAIN)
		return
	}
	if !s.spared(c) {
		s.end(c)
	}
	r.Respond()
}

// end answers c with EINTR, if it was not answered.
func (s *server) end(c *call) {
	c.cancel(errInterrupted)
	s.refuse(c, errInterrupted)
}

func (s *server) begin(req fuse.Request) *call {
	h := req.Hdr()
	c := &call{req: req, pid: int(h.Pid)}
	c.Context, c.cancel = context.WithCancelCause(s.ctx)
	s.mu.Lock()
	s.calls[h.ID] = c
	s.mu.Unlock()
	return c
}

// take removes a call from the table; who gets it replies to it.
func (s *server) take(id fuse.RequestID) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[id]
	delete(s.calls, id)
	return c
}

// claim tells whether c is still to be answered; the caller then does.
func (s *server) claim(c *call) bool { return s.take(c.req.Hdr().ID) != nil }

func (s *server) refuse(c *call, err error) {
	if s.claim(c) {
		c.req.RespondError(errno(c, err))
	}
}
