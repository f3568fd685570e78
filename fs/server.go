//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bazil.org/fuse"

	"p2pfs/fs/mounting"
)

// server reads requests from the kernel and replies to them. At any time one
// goroutine reads, the reader. It serves what it has read itself, because that
// costs no switch of threads, but first starts another reader if anything is
// being served already, and has one started if it takes longer than patience.
// So no request waits behind a blocked one.
type server struct {
	conn  *mounting.Conn
	files *files
	calls *calls
	log   *slog.Logger
	ctx   context.Context // of the mount; ended with errClosing
	close context.CancelCauseFunc

	wg      sync.WaitGroup // all goroutines that read or serve
	serving atomic.Int32   // requests being served
	leaving atomic.Bool    // no reader is started any more

	requests, panics atomic.Int64
}

func newServer(conn *mounting.Conn, f *files, log *slog.Logger) *server {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &server{
		conn: conn, files: f, calls: newCalls(conn.Device), log: log, ctx: ctx, close: cancel,
	}
}

// patience is how long the reader serves a request before another takes over.
const patience = time.Millisecond

// spawn starts a reader; wg ends when the kernel has closed the connection.
func (s *server) spawn() {
	if !s.leaving.Load() {
		s.wg.Go(s.loop)
	}
}

func (s *server) loop() {
	taken := make(chan struct{}, 1)
	over := time.AfterFunc(time.Hour, func() { s.spawn(); taken <- struct{}{} })
	over.Stop() // until something is served
	for !s.leaving.Load() {
		req, err := s.conn.ReadRequest()
		switch {
		case err != nil && s.retry(err):
			continue
		case err != nil:
			s.fail() // nobody listens to what still waits
			return
		case s.unanswered(req):
			continue
		case s.serving.Load() > 0:
			s.spawn()
			s.serve(req)
			return
		}
		over.Reset(patience)
		s.serve(req)
		if !over.Stop() {
			<-taken // wg must not end between this reader and the next
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
	s.calls.fail()
}

// leave makes the reader end while the kernel keeps the connection, because a
// detached mount is still in use. Nothing but a request brings it back from
// ReadRequest, so a process is started that makes requests: of dir, a
// descriptor of the mount's root, which is closed. It ends when the connection
// does.
func (s *server) leave(dir int) {
	s.leaving.Store(true)
	f := os.NewFile(uintptr(dir), "root")
	defer f.Close()
	cmd := touch(context.Background(), touchLeave, "", f)
	if err := cmd.Start(); err != nil {
		s.log.Warn("detached mount is still in use", "err", err)
		return
	}
	go cmd.Wait()
}

// hangUp closes what the kernel left open; no goroutine may be serving.
func (s *server) hangUp() {
	for _, id := range s.files.unreleased() {
		s.guard("close", func() { s.files.release(id) })
	}
	s.conn.Close()
}

// serve answers one request.
func (s *server) serve(req fuse.Request) {
	s.requests.Add(1)
	s.serving.Add(1)
	defer s.serving.Add(-1)
	c := s.calls.begin(s.ctx, req)
	defer c.cancel(nil)
	err := errPanic
	s.guard(fmt.Sprintf("%T", req), func() { err = s.dispatch(c) })
	if err != nil {
		c.refuse(err)
	}
}

// guard calls do, and counts and logs a panic in it: a bug met by one request
// ends that one only.
func (s *server) guard(what string, do func()) {
	defer func() {
		if v := recover(); v != nil {
			s.panics.Add(1)
			s.log.Error("panic", "in", what, "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	do()
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
	c := s.calls.get(r.IntrID)
	if c == nil {
		r.RespondError(syscall.EAGAIN)
		return
	}
	if !s.spared(c) {
		c.end()
	}
	r.Respond()
}
