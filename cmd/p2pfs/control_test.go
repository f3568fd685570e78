//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/clitest"
)

// fakeMount is a mount that notes what it is asked.
type fakeMount struct {
	mu    sync.Mutex
	added []torrentSource
	panic atomic.Bool
}

func (m *fakeMount) Status(context.Context) (mountStatus, error) {
	if m.panic.Load() {
		panic("status")
	}
	return mountStatus{Version: "test", PID: 7, Drive: "public", Files: 3}, nil
}

func (m *fakeMount) Add(_ context.Context, source torrentSource) (string, error) {
	if strings.Contains(source.Magnet, "bad") {
		return "", errors.New("magnet: no infohash\nin it")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.added = append(m.added, source)
	return "a \x1b name", nil
}

func (m *fakeMount) Remove(_ context.Context, name string) error {
	if name != "there" {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return nil
}

func (m *fakeMount) Magnet(_ context.Context, at location, v2 bool) (string, error) {
	return fmt.Sprintf("magnet:?share=%t&path=%s&v2=%t", at.Share, at.Path, v2), nil
}

func (m *fakeMount) Cache(_ context.Context, op string, at location, t *tally) error {
	t.add(func(r *cacheReport) { r.Files, r.Bytes, r.Done, r.Paths = 2, 3<<10, 3<<10, []string{op, at.Path} })
	switch at.Path {
	case "gone":
		return fs.ErrNotExist
	case "bad":
		t.add(func(r *cacheReport) { r.Pieces, r.Bad = 7, 2 })
	case "own":
		t.add(func(r *cacheReport) { r.Own = 1 })
	}
	return nil
}

func (m *fakeMount) Export(_ context.Context, at location, v2 bool) ([]byte, error) {
	if at.Path == "gone" {
		return nil, fs.ErrNotExist
	}
	return fmt.Appendf(nil, "torrent of %s %t", at.Path, v2), nil
}

// ground is a runtime directory with a served fake mount.
type ground struct {
	mount      fakeMount
	top        string
	mountPoint string
	share      string
	socket     string
	stop       func()
}

// serveControl serves the control socket of a mount until stop.
func serveControl(mount controlled, mountPoint, share string) (stop func(), err error) {
	s, err := listenControl(mountPoint)
	if err != nil {
		return nil, err
	}
	return s.serve(mount, share, quiet), nil
}

func serveFake(t *testing.T) *ground {
	t.Helper()
	// The directory's path is longer than a socket's address may be.
	long := strings.Repeat("long/", 30)
	g := &ground{top: clitest.Tree(t, long, "mnt/sub/", "share/dir/", "link -> mnt", "other/")}
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(g.top, long))
	g.mountPoint, g.share = filepath.Join(g.top, "mnt"), filepath.Join(g.top, "share")
	g.socket = filepath.Join(g.top, long, "p2pfs", socketName(g.mountPoint))
	stop, err := serveControl(&g.mount, g.mountPoint, g.share)
	if err != nil {
		t.Fatal(err)
	}
	g.stop = sync.OnceFunc(stop)
	t.Cleanup(g.stop)
	return g
}

func TestControlCommands(t *testing.T) {
	g := serveFake(t)
	torrent := filepath.Join(g.top, "x.torrent")
	if err := os.WriteFile(torrent, []byte("d4:infode"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(path string) string { return filepath.Join(g.top, path) }
	tests := []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"status", in("mnt")}, cli.ExitDone, "drive public on"},
		{[]string{"status", in("link") + "/"}, cli.ExitDone, "process 7"},
		{[]string{"status", "--json", in("mnt")}, cli.ExitDone, `"pid": 7`},
		{[]string{"status", "--json", in("mnt")}, cli.ExitDone, `"members": []`},
		{[]string{"status", in("mnt/sub")}, cli.ExitFailed, "no p2pfs is mounted here"},
		{[]string{"status", in("share")}, cli.ExitFailed, "no p2pfs is mounted here"},
		{[]string{"add", in("mnt"), "magnet:?xt=good"}, cli.ExitDone, `added "a \x1b name"`},
		{[]string{"add", in("mnt"), torrent}, cli.ExitDone, "added"},
		{[]string{"add", in("mnt"), "magnet:?xt=bad"}, cli.ExitFailed, "magnet: no infohash; in it"},
		{[]string{"add", in("mnt"), in("no.torrent")}, cli.ExitFailed, "no such file"},
		{[]string{"add", in("mnt"), in("other")}, cli.ExitFailed, "is a directory"},
		{[]string{"remove", in("mnt"), "there"}, cli.ExitDone, ""},
		{[]string{"remove", in("mnt"), "gone"}, cli.ExitFailed, "gone: file does not exist"},
		{[]string{"pin", in("mnt/a b")}, cli.ExitDone, "pinned 2 files, 3.0 KiB: 0 B came, 3.0 KiB were here"},
		{[]string{"pin", "--list", in("mnt")}, cli.ExitDone, "pins"},
		{[]string{"unpin", in("mnt/x"), in("mnt/own")}, cli.ExitDone, "(not counting 1 file of your own share directory)"},
		{[]string{"prefetch", in("mnt/gone")}, cli.ExitFailed, "gone: file does not exist"},
		{[]string{"evict", in("other")}, cli.ExitFailed, "not in a running mount"},
		{[]string{"verify", in("mnt/x")}, cli.ExitDone, "verified 0 pieces, 3.0 KiB, of 2 files: all good"},
		{[]string{"verify", in("mnt/bad")}, cli.ExitFailed, "2 of 7 pieces were bad and are dropped; they belong to verify, bad"},
		{[]string{"magnet", in("mnt/a b")}, cli.ExitDone, "share=false&path=a b&v2=false"},
		{[]string{"magnet", "--v2", in("link/sub/x")}, cli.ExitDone, "share=false&path=sub/x&v2=true"},
		{[]string{"magnet", in("mnt")}, cli.ExitDone, "share=false&path=&v2"},
		{[]string{"magnet", in("share/dir/x")}, cli.ExitDone, "share=true&path=dir/x&"},
		{[]string{"magnet", in("other/x")}, cli.ExitFailed, "neither in a running mount nor in the share directory"},
		{[]string{"magnet", in("mnt2")}, cli.ExitFailed, "neither in"},
		{[]string{"export", in("mnt/a")}, cli.ExitUsage, "-o FILE.torrent is required"},
		{[]string{"export", in("mnt/gone"), "-o", in("out")}, cli.ExitFailed, "file does not exist"},
		{[]string{"export", in("mnt/a"), "-o", in("out")}, cli.ExitDone, ""},
		{[]string{"export", in("mnt/b"), "-o", in("out")}, cli.ExitFailed, "is there already"},
		{[]string{"export", in("share/b"), "-o", in("out"), "--force", "--v2"}, cli.ExitDone, ""},
		{[]string{"export", in("share/b"), "-o", in("none/out")}, cli.ExitFailed, "no such file"},
	}
	for _, tt := range tests {
		runArgs(t, tt.args...).want(t, tt.status, tt.want)
	}
	if got, err := os.ReadFile(in("out")); err != nil || string(got) != "torrent of b true" {
		t.Errorf("exported %q, %v", got, err)
	}
	if len(g.mount.added) != 2 || string(g.mount.added[1].Torrent) != "d4:infode" {
		t.Errorf("added %+v, want the magnet and the file's bytes", g.mount.added)
	}
	g.stop()
	runArgs(t, "status", in("mnt")).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	if _, err := os.Lstat(g.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket is left behind: %v", err)
	}
}

// TestControlFromElsewhere asks with another environment than the mount had.
func TestControlFromElsewhere(t *testing.T) {
	g := serveFake(t)
	t.Setenv("XDG_RUNTIME_DIR", "")
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	// $XDG_RUNTIME_DIR is one that is not there: the mount's is not found either,
	// and /tmp/p2pfs-UID is looked into without being made.
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(g.top, "none"))
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitFailed, "no p2pfs is mounted here")
}

// post sends a raw body to the socket.
func (g *ground) post(t *testing.T, path string, body io.Reader) (int, string) {
	t.Helper()
	d, err := openRunDir(filepath.Dir(g.socket))
	if err != nil {
		t.Fatal(err)
	}
	c := newControlClient(d, filepath.Base(g.socket))
	defer c.Close()
	resp, err := c.http.Post("http://p2pfs"+path, "application/json", body)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestControlHostile(t *testing.T) {
	g := serveFake(t)
	deep := strings.Repeat(`{"name":`, 100000)
	tests := []struct {
		name, path, body string
		want             int
	}{
		{"no JSON", "/v1/add", "hello", http.StatusBadRequest},
		{"nothing", "/v1/add", "", http.StatusBadRequest},
		{"neither", "/v1/add", "{}", http.StatusBadRequest},
		{"both", "/v1/add", `{"magnet":"x","torrent":"eA=="}`, http.StatusBadRequest},
		{"unknown field", "/v1/add", `{"magnet":"x","path":"/etc"}`, http.StatusBadRequest},
		{"wrong type", "/v1/add", `{"magnet":7}`, http.StatusBadRequest},
		{"bad base64", "/v1/add", `{"torrent":"*"}`, http.StatusBadRequest},
		{"two values", "/v1/remove", `{"name":"there"}{"name":"there"}`, http.StatusBadRequest},
		{"deep", "/v1/remove", deep, http.StatusBadRequest},
		{"relative path", "/v1/magnet", `{"path":"mnt/x"}`, http.StatusBadRequest},
		{"path with dots", "/v1/magnet", `{"path":"` + g.mountPoint + `/../x"}`, http.StatusBadRequest},
		{"path outside", "/v1/export", `{"path":"/etc/passwd"}`, http.StatusMisdirectedRequest},
		{"no such call", "/v1/quit", "{}", http.StatusNotFound},
		{"wrong method", "/v1/status", "{}", http.StatusMethodNotAllowed},
		{"not there", "/v1/remove", `{"name":"x"}`, http.StatusNotFound},
		{"well", "/v1/remove", `{"name":"there"}`, http.StatusOK},
	}
	for _, tt := range tests {
		if got, text := g.post(t, tt.path, strings.NewReader(tt.body)); got != tt.want {
			t.Errorf("%s: got %d %s, want %d", tt.name, got, text, tt.want)
		}
	}
	if len(g.mount.added) > 0 {
		t.Errorf("added %+v, want nothing", g.mount.added)
	}
}

// TestControlBody sends bodies about as large as is allowed, and without end.
func TestControlBody(t *testing.T) {
	mount := new(fakeMount)
	c := &control{mount: mount, mountPoint: "/m", share: "/s", log: quiet, maxBody: 1 << 16}
	tests := []struct {
		body io.Reader
		want int
	}{
		{strings.NewReader(`{"torrent":"` + strings.Repeat("0", 1<<16-20) + `"}`), http.StatusOK},
		{strings.NewReader(`{"torrent":"` + strings.Repeat("0", 1<<16) + `"}`), http.StatusRequestEntityTooLarge},
		{io.MultiReader(strings.NewReader(`{"magnet":"`), zeros{}), http.StatusRequestEntityTooLarge},
	}
	for i, tt := range tests {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://p2pfs/v1/add", tt.body)
		if err != nil {
			t.Fatal(err)
		}
		w := &answerRecorder{header: make(http.Header)}
		c.handler().ServeHTTP(w, req)
		if w.status != tt.want {
			t.Errorf("%d: got %d %.100s, want %d", i, w.status, w.body.String(), tt.want)
		}
	}
	if len(mount.added) != 1 {
		t.Errorf("%d torrents added, want one", len(mount.added))
	}
	if n := base64.StdEncoding.EncodedLen(maxTorrentFile) + 20; n > maxControlBody {
		t.Errorf("limit %d, want %d for the largest torrent file", maxControlBody, n)
	}
}

// TestControlPanic loses one answer, not the process.
func TestControlPanic(t *testing.T) {
	g := serveFake(t)
	g.mount.panic.Store(true)
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitFailed, "")
	g.mount.panic.Store(false)
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitDone, "public")
}

func TestLocate(t *testing.T) {
	c := &control{mountPoint: "/m", share: "/home/a/p2pfs"}
	tests := []struct {
		path string
		want location
		err  bool
	}{
		{"/m/a/b", location{false, "a/b"}, false},
		{"/m", location{false, ""}, false},
		{"/home/a/p2pfs/..x", location{true, "..x"}, false},
		{"/home/a/p2pfs2", location{}, true},
		{"/home", location{}, true},
		{"m/a", location{}, true},
		{"/m/", location{}, true},
		{"", location{}, true},
	}
	for _, tt := range tests {
		got, err := c.locate(tt.path)
		if got != tt.want || (err != nil) != tt.err {
			t.Errorf("%q: got %+v, %v; want %+v, error %t", tt.path, got, err, tt.want, tt.err)
		}
	}
}

func FuzzControl(f *testing.F) {
	for _, call := range []string{"add", "remove", "magnet", "export", "status", "../v1/add"} {
		for _, body := range []string{
			"", "{}", "null", "[]", `""`, "0", "{", `{"`, `{"magnet":"magnet:?xt=urn:btih:0"}`, `{"magnet":""}`, `{"magnet":null}`,
			`{"torrent":"ZGU="}`, `{"torrent":"Z"}`, `{"torrent":[1]}`, `{"magnet":"x","torrent":"ZGU="}`, `{"name":"there"}`,
			`{"name":"there"}{"name":"there"}`, `{"NAME":"\ud800"}`, `{"path":"/m/x","v2":true}`, `{"path":"/s/../m"}`, `{"path":"/m"}`,
			`{"path":"/s/a\u0000b"}`, `{"path":"m/x"}`, `{"path":"/mm"}`, `{"path":"/m/x","v2":1}`, "\xff\xfe{}",
		} {
			f.Add(call, []byte(body))
		}
	}
	c := &control{mount: &fakeMount{}, mountPoint: "/m", share: "/s", log: quiet, maxBody: maxControlBody}
	handler := c.handler()
	f.Fuzz(func(t *testing.T, call string, body []byte) {
		req, err := http.NewRequest(http.MethodPost, "http://p2pfs/v1/x", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Path = "/v1/" + call
		w := &answerRecorder{header: make(http.Header)}
		handler.ServeHTTP(w, req)
		if w.status == 0 || strings.HasPrefix(w.header.Get("Content-Type"), "application/json") && !json.Valid(w.body.Bytes()) {
			t.Errorf("%s %q: status %d, body %q", call, body, w.status, w.body.Bytes())
		}
	})
}

// answerRecorder is an http.ResponseWriter that keeps the answer.
type answerRecorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerRecorder) Header() http.Header         { return w.header }
func (w *answerRecorder) WriteHeader(status int)      { w.status = status }
func (w *answerRecorder) Write(p []byte) (int, error) { return w.body.Write(p) }
