//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/fs/mounting"
)

const (
	// controlTimeout bounds what a running mount answers out of its memory.
	controlTimeout = 30 * time.Second
	// maxControlAnswer bounds what is read of an answer.
	maxControlAnswer = 64 << 20
)

// errNoMount is the answer where no p2pfs runs.
var errNoMount = errors.New("no p2pfs is mounted here")

// controlClient asks one running mount. It must be closed.
type controlClient struct {
	dir  *runDir
	name string
	http http.Client
}

// newControlClient returns a client of the socket of that name. d is the
// client's from now on.
func newControlClient(d *runDir, name string) *controlClient {
	c := &controlClient{dir: d, name: name}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
	}
	return c
}

func (c *controlClient) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", c.dir.address(c.name))
}

// Close ends connections.
func (c *controlClient) Close() {
	c.http.CloseIdleConnections()
	c.dir.Close()
}

// controlSockets calls f for sockets of running mounts until it returns
// something else than errNoMount or errElsewhere, and returns that. pick
// chooses and orders the names of sockets in one directory. Without any it
// returns errNoMount; a directory that is not ours is its own error.
func controlSockets(pick func([]string) []string, f func(*controlClient) error) error {
	result := errNoMount
	for _, path := range runDirPaths() {
		err := eachSocket(path, pick, f)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errElsewhere):
			result = err
		case !errors.Is(err, errNoMount) && !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return result
}

// eachSocket is controlSockets for one directory.
func eachSocket(path string, pick func([]string) []string, f func(*controlClient) error) error {
	d, err := openRunDir(path)
	if err != nil {
		return err
	}
	names, err := d.sockets()
	d.Close()
	if err != nil {
		return err
	}
	result := errNoMount
	for _, name := range pick(names) {
		d, err := openRunDir(path)
		if err != nil {
			return err
		}
		c := newControlClient(d, name)
		err = f(c)
		c.Close()
		if !errors.Is(err, errNoMount) && !errors.Is(err, errElsewhere) {
			return err
		}
		if errors.Is(err, errElsewhere) {
			result = err
		}
	}
	return result
}

// askMount calls f with a client of the mount on that mount point.
func askMount(mountPoint string, f func(*controlClient) error) error {
	real, err := dirs.Real(mountPoint)
	if err != nil {
		return err
	}
	err = askMountAt(real, f)
	if errors.Is(err, errNoMount) {
		return fmt.Errorf("%s: %w", human.Quoted(mountPoint), noMount(real))
	}
	return err
}

// askMountAt is askMount for a real path; without a running mount the error is
// errNoMount.
func askMountAt(real string, f func(*controlClient) error) error {
	name := socketName(real)
	return controlSockets(func(names []string) []string {
		if slices.Contains(names, name) {
			return []string{name}
		}
		return nil
	}, f)
}

// socketsAbove names the sockets that a mount would have on a path and on the
// directories above it, nearest first.
func socketsAbove(real string) (names []string) {
	for dir := real; ; dir = filepath.Dir(dir) {
		names = append(names, socketName(dir))
		if dir == filepath.Dir(dir) {
			return names
		}
	}
}

// askFile calls f with clients of the mounts that may have the file at path:
// those on a directory above it, nearest first, and then all others, one of
// which may have it in its share directory. f gets the real path.
func askFile(path string, f func(c *controlClient, real string) error) error {
	real, err := dirs.Real(path)
	if err != nil {
		return err
	}
	above := socketsAbove(real)
	rank := func(name string) int {
		if i := slices.Index(above, name); i >= 0 {
			return i
		}
		return len(above)
	}
	err = controlSockets(func(names []string) []string {
		slices.SortFunc(names, func(a, b string) int { return rank(a) - rank(b) })
		return names
	}, func(c *controlClient) error { return f(c, real) })
	if errors.Is(err, errNoMount) || errors.Is(err, errElsewhere) {
		return fmt.Errorf("%s: neither in a running mount nor in the share directory of one", human.Quoted(path))
	}
	return err
}

// noMount tells more of a mount point that no p2pfs answers for.
func noMount(real string) error {
	if mounting.Ours(real) {
		return errors.New("the p2pfs that was mounted here is gone; \"p2pfs umount\" clears the mount point")
	}
	return errNoMount
}

// call sends a request with the body in, nil for none, and decodes the answer
// into out. It blocks until the mount answers or ctx ends.
func (c *controlClient) call(ctx context.Context, path string, in, out any) error {
	resp, err := c.send(ctx, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return decodeAnswer(resp, out)
}

// send sends a request and returns the answer, whose body is to be closed.
func (c *controlClient) send(ctx context.Context, path string, in any) (*http.Response, error) {
	method, body := http.MethodGet, []byte(nil)
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://p2pfs/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil, errNoMount
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the running p2pfs gave no answer: %w", context.Cause(ctx))
	case err != nil && !c.listening(ctx):
		return nil, errNoMount // it ended while it was asked
	case err != nil:
		return nil, err
	}
	return resp, nil
}

// listening reports whether somebody still takes connections on the socket. It
// waits a moment for a process that is just ending.
func (c *controlClient) listening(ctx context.Context) bool {
	for range 20 {
		conn, err := c.dial(ctx)
		if err != nil {
			return false
		}
		conn.Close()
		pause(ctx, 5*time.Millisecond)
	}
	return true
}

// decodeAnswer reads an answer, or the error in its place.
func decodeAnswer(resp *http.Response, out any) error {
	d := json.NewDecoder(io.LimitReader(resp.Body, maxControlAnswer))
	if resp.StatusCode == http.StatusOK {
		if err := d.Decode(out); err != nil {
			return fmt.Errorf("answer of the running p2pfs: %w", err)
		}
		return nil
	}
	if resp.StatusCode == http.StatusMisdirectedRequest {
		return errElsewhere
	}
	var answer errorAnswer
	if d.Decode(&answer) != nil || answer.Error == "" {
		return fmt.Errorf("the running p2pfs answered: %s", resp.Status)
	}
	return errors.New(answer.Error)
}
