//go:build linux

package control

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
)

const (
	// quickly bounds what a running mount answers out of its memory.
	quickly = 30 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 20
)

// ErrNoMount is the answer where no p2pfs runs.
var ErrNoMount = errors.New("no p2pfs is mounted here")

// Client asks one running mount. It must be closed.
type Client struct {
	dir  *runDir
	name string
	http http.Client
}

// newClient returns a client of the socket of that name. d is the
// client's from now on.
func newClient(d *runDir, name string) *Client {
	c := &Client{dir: d, name: name}
	c.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
	}
	return c
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", c.dir.address(c.name))
}

// Close ends connections.
func (c *Client) Close() {
	c.http.CloseIdleConnections()
	c.dir.Close()
}

// controlSockets calls f for sockets of running mounts until it returns
// something else than ErrNoMount or ErrElsewhere, and returns that. pick
// chooses and orders the names of sockets in one directory. Without any it
// returns ErrNoMount; a directory that is not ours is its own error.
func controlSockets(pick func([]string) []string, f func(*Client) error) error {
	result := ErrNoMount
	for _, path := range runDirPaths() {
		err := eachSocket(path, pick, f)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrElsewhere):
			result = err
		case !errors.Is(err, ErrNoMount) && !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return result
}

// eachSocket is controlSockets for one directory.
func eachSocket(path string, pick func([]string) []string, f func(*Client) error) error {
	d, err := openRunDir(path)
	if err != nil {
		return err
	}
	names, err := d.sockets()
	d.Close()
	if err != nil {
		return err
	}
	result := ErrNoMount
	for _, name := range pick(names) {
		d, err := openRunDir(path)
		if err != nil {
			return err
		}
		c := newClient(d, name)
		err = f(c)
		c.Close()
		if !errors.Is(err, ErrNoMount) && !errors.Is(err, ErrElsewhere) {
			return err
		}
		if errors.Is(err, ErrElsewhere) {
			result = err
		}
	}
	return result
}

// AskMount calls f with a client of the mount on a mount point, given as its real
// path; without a running one the error is ErrNoMount.
func AskMount(real string, f func(*Client) error) error {
	name := SocketName(real)
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
		names = append(names, SocketName(dir))
		if dir == filepath.Dir(dir) {
			return names
		}
	}
}

// AskFile calls f with clients of the mounts that may have the file at a real
// path: those on a directory above it, nearest first, and then all others, one of
// which may have it in its share directory. ErrNoMount or ErrElsewhere if none has.
func AskFile(real string, f func(*Client) error) error {
	above := socketsAbove(real)
	rank := func(name string) int {
		if i := slices.Index(above, name); i >= 0 {
			return i
		}
		return len(above)
	}
	return controlSockets(func(names []string) []string {
		slices.SortFunc(names, func(a, b string) int { return rank(a) - rank(b) })
		return names
	}, f)
}

// AskAbove calls f with a client of the mount that a real path lies in. Unlike
// AskFile it asks no other mount, so that one that hangs is in nobody's way.
func AskAbove(real string, f func(*Client) error) error {
	above := socketsAbove(real)
	return controlSockets(func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(above), func(name string) bool { return !slices.Contains(names, name) })
	}, f)
}

// call sends a request with the body in, nil for none, and decodes the answer
// into out. It blocks until the mount answers or ctx ends.
func (c *Client) call(ctx context.Context, path string, in, out any) error {
	resp, err := c.send(ctx, path, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return decodeAnswer(resp, out)
}

// Quick is call for what a mount answers without asking the network.
func (c *Client) quick(ctx context.Context, path string, in, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quickly, fmt.Errorf("not within %s", quickly))
	defer cancel()
	return c.call(ctx, path, in, out)
}

// send sends a request and returns the answer, whose body is to be closed.
func (c *Client) send(ctx context.Context, path string, in any) (*http.Response, error) {
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
		return nil, ErrNoMount
	case ctx.Err() != nil:
		return nil, fmt.Errorf("the running p2pfs gave no answer: %w", context.Cause(ctx))
	case err != nil && !c.listening(ctx):
		return nil, ErrNoMount // it ended while it was asked
	case err != nil:
		return nil, err
	}
	return resp, nil
}

// listening reports whether somebody still takes connections on the socket. It
// waits a moment for a process that is just ending.
func (c *Client) listening(ctx context.Context) bool {
	for range 20 {
		conn, err := c.dial(ctx)
		if err != nil {
			return false
		}
		conn.Close()
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true
}

// decodeAnswer reads an answer, or the error in its place.
func decodeAnswer(resp *http.Response, out any) error {
	d := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode == http.StatusOK {
		if err := d.Decode(out); err != nil {
			return fmt.Errorf("answer of the running p2pfs: %w", err)
		}
		return nil
	}
	if resp.StatusCode == http.StatusMisdirectedRequest {
		return ErrElsewhere
	}
	var answer errorAnswer
	if d.Decode(&answer) != nil || answer.Error == "" {
		return fmt.Errorf("the running p2pfs answered: %s", resp.Status)
	}
	return errors.New(answer.Error)
}

// Cache does op to what the cache has of a real path and all below it, and returns
// the last report; progress hears of all.
func (c *Client) Cache(ctx context.Context, op, path string, progress func(Report)) (r Report, err error) {
	resp, err := c.send(ctx, "cache", cacheRequest{op, path})
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return r, decodeAnswer(resp, nil)
	}
	d := json.NewDecoder(resp.Body)
	for !r.End {
		r = Report{}
		if err := d.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the running p2pfs ended meanwhile")
			}
			return r, err
		}
		progress(r)
	}
	return r, nil
}
