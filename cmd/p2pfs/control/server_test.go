//go:build linux

package control_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/control/controltest"
	"p2pfs/swarm/metainfo"
)

// post sends a raw body to the socket.
func post(t *testing.T, g *controltest.Ground, path string, body io.Reader) (int, string) {
	t.Helper()
	c := control.OpenClient(t, g.Socket)
	defer c.Close()
	resp, err := c.HTTP().Post("http://p2pfs"+path, "application/json", body)
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
	g := controltest.NewGround(t)
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
		{"path with dots", "/v1/magnet", `{"path":"` + g.MountPoint + `/../x"}`, http.StatusBadRequest},
		{"path outside", "/v1/export", `{"path":"/etc/passwd"}`, http.StatusMisdirectedRequest},
		{"no such call", "/v1/quit", "{}", http.StatusNotFound},
		{"wrong method", "/v1/status", "{}", http.StatusMethodNotAllowed},
		{"not there", "/v1/remove", `{"name":"x"}`, http.StatusNotFound},
		{"well", "/v1/remove", `{"name":"there"}`, http.StatusOK},
	}
	for _, tt := range tests {
		if got, text := post(t, g, tt.path, strings.NewReader(tt.body)); got != tt.want {
			t.Errorf("%s: got %d %s, want %d", tt.name, got, text, tt.want)
		}
	}
	if len(g.Mount.Added) > 0 {
		t.Errorf("added %+v, want nothing", g.Mount.Added)
	}
}

// TestControlBody sends bodies about as large as is allowed, and without end.
func TestControlBody(t *testing.T) {
	mount := new(controltest.Fake)
	c := control.Handler(mount.Parts(), 1<<16)
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
		c.ServeHTTP(w, req)
		if w.status != tt.want {
			t.Errorf("%d: got %d %.100s, want %d", i, w.status, w.body.String(), tt.want)
		}
	}
	if len(mount.Added) != 1 {
		t.Errorf("%d torrents added, want one", len(mount.Added))
	}
	if n := base64.StdEncoding.EncodedLen(metainfo.MaxInfo) + 20; n > control.MaxBody {
		t.Errorf("limit %d, want %d for the largest torrent file", control.MaxBody, n)
	}
}

func TestLocate(t *testing.T) {
	tests := []struct {
		path string
		want control.Location
		err  bool
	}{
		{"/m/a/b", control.Location{Share: false, Path: "a/b"}, false},
		{"/m", control.Location{Share: false, Path: ""}, false},
		{"/home/a/p2pfs/..x", control.Location{Share: true, Path: "..x"}, false},
		{"/home/a/p2pfs2", control.Location{}, true},
		{"/home", control.Location{}, true},
		{"m/a", control.Location{}, true},
		{"/m/", control.Location{}, true},
		{"", control.Location{}, true},
	}
	for _, tt := range tests {
		got, err := control.Locate("/m", "/home/a/p2pfs", tt.path)
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
	handler := control.Handler(new(controltest.Fake).Parts(), control.MaxBody)
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
