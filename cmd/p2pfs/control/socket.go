//go:build linux

package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/human"
)

// Socket is a socket that nobody answers on yet: who asks waits. While
// there is one, no other p2pfs of this user takes the mount point.
type Socket struct {
	dir        *runDir
	l          *net.UnixListener
	mountPoint string
}

func Listen(mountPoint string) (*Socket, error) {
	d, err := makeRunDir()
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := d.listen(SocketName(mountPoint))
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("control socket of %s: %w", human.Quoted(mountPoint), err)
	}
	return &Socket{d, l, mountPoint}, nil
}

// Close is for a socket that was never served.
func (s *Socket) Close() {
	s.l.Close()
	s.dir.Close()
}

// Serve answers on the socket until the function it returns is called, which
// waits for requests under way for a second at most and removes the socket.
// share is a real path.
func (s *Socket) Serve(m Mount, share string, log *slog.Logger) (stop func()) {
	c := &server{m, s.mountPoint, share, log, maxBody}
	server := &http.Server{
		Handler:           c.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ownUserListener{s.l}); !errors.Is(err, http.ErrServerClosed) {
			log.Error("control socket lost", "err", err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
		<-done
		s.dir.Close()
	}
}

// ownUserListener lets in this user and root only, whatever the modes of
// socket and directory have become.
type ownUserListener struct{ *net.UnixListener }

func (l ownUserListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, err := peerUser(conn); err == nil && (uid == 0 || uid == os.Geteuid()) {
			return conn, nil
		}
		conn.Close()
	}
}

// peerUser returns the user at the other end of the connection.
func peerUser(conn *net.UnixConn) (int, error) {
	cred, err := peerCred(conn)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}

// peerProcess returns the process at the other end of the connection: of one
// that was dialled, the one that listens.
func peerProcess(conn *net.UnixConn) (int, error) {
	cred, err := peerCred(conn)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

func peerCred(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return cred, errors.Join(err, credErr)
}

// ServerOf returns the process that answers on the socket of a mount point, given
// as its real path, and a descriptor of it (pidfd_open(2)), which is the caller's
// to close: a stopped one need not answer. pid is 0 if none was found, and fd -1
// where it is this process or there can be none.
func ServerOf(mountPoint string) (pid, fd int) {
	for _, dir := range runDirPaths() {
		d, err := openRunDir(dir)
		if err != nil {
			continue
		}
		conn, err := net.DialTimeout("unix", d.address(SocketName(mountPoint)), time.Second)
		d.Close()
		if err != nil {
			continue
		}
		defer conn.Close() // until the descriptor is there the number is its
		if pid, err = peerProcess(conn.(*net.UnixConn)); err != nil {
			continue
		}
		fd = -1
		if pid != os.Getpid() {
			if own, err := unix.PidfdOpen(pid, 0); err == nil {
				fd = own
			}
		}
		return pid, fd
	}
	return 0, -1
}
