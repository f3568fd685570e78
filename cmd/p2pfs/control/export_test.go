//go:build linux

package control

import (
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
)

// MaxBody bounds the body of a request.
const MaxBody = maxBody

// RunDirPaths are where control sockets may be.
var RunDirPaths = runDirPaths

// Handler answers for a mount on /m with the share directory /s.
func Handler(m Mount, maxBody int64) http.Handler {
	s := &server{mount: m, mountPoint: "/m", share: "/s", log: slog.New(slog.DiscardHandler), maxBody: maxBody}
	return s.handler()
}

// Locate finds a path in a mount or share directory.
func Locate(mountPoint, share, path string) (Location, error) {
	return (&server{mountPoint: mountPoint, share: share}).locate(path)
}

// OpenClient returns a client of the socket at a path.
func OpenClient(t *testing.T, socket string) *Client {
	t.Helper()
	d, err := openRunDir(filepath.Dir(socket))
	if err != nil {
		t.Fatal(err)
	}
	return newClient(d, filepath.Base(socket))
}

// HTTP is what a client sends with.
func (c *Client) HTTP() *http.Client { return &c.http }

// ListenRaw listens on the socket of that name, in the runtime directory.
func ListenRaw(t *testing.T, name string) *net.UnixListener {
	t.Helper()
	d, err := makeRunDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	l, err := d.listen(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
