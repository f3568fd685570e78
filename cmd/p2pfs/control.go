//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
)

// maxControlBody holds the largest torrent file in base64, and some.
const maxControlBody = maxTorrentFile/3*4 + 64<<10

// controlled is a running mount as its control socket sees it. Methods are
// called concurrently; an error's text is shown to the user. fs.ErrNotExist
// stands for a name that is not there, fs.ErrExist for one that is.
type controlled interface {
	// Status tells how the mount is. It does not wait for the network.
	Status(ctx context.Context) (mountStatus, error)
	// Add puts a torrent or magnet into the mount and returns its name there.
	// A refused one changes nothing.
	Add(ctx context.Context, source torrentSource) (name string, err error)
	// Remove takes out what Add put in, by name or infohash in hex.
	Remove(ctx context.Context, nameOrInfoHash string) error
	// Magnet returns the magnet of a file, for v1 clients or for v2 ones.
	Magnet(ctx context.Context, file location, v2 bool) (string, error)
	// Export returns a file's metainfo, the bytes of a .torrent.
	Export(ctx context.Context, file location, v2 bool) ([]byte, error)
	// Cache does op to what the cache has, or is to have, of a path and all
	// below it, and counts in t. It blocks for as long as that takes.
	Cache(ctx context.Context, op string, at location, t *tally) error
}

// stoppable is a mount that can be told to end. Stop does not wait for that.
type stoppable interface{ Stop() }

// memberKeeper is a mount that tells of the members of its drive and hides
// them on this machine.
type memberKeeper interface {
	// Roster lists the other members, also those who are blocked.
	Roster() ([]rosterEntry, error)
	// Mark does op (block, unblock, forget) to a member, given by digits of
	// his key or by a name that no other has, and returns him as he is then.
	Mark(op, who string) (rosterEntry, error)
}

// torrentSource is a torrent as a user gives it: one of the two is set.
type torrentSource struct {
	Magnet  string `json:"magnet,omitempty"`
	Torrent []byte `json:"torrent,omitempty"` // a .torrent's bytes
}

// location is a file in the mount, or in the share directory.
type location struct {
	Share bool   // Path is below the share directory, else below the mount point
	Path  string // slash separated; "" is the directory itself
}

// Bodies of requests and answers.
type (
	addAnswer struct {
		Name string `json:"name"`
	}
	removeRequest struct {
		Name string `json:"name"`
	}
	fileRequest struct {
		Path string `json:"path"` // absolute, real
		V2   bool   `json:"v2"`
	}
	magnetAnswer struct {
		Magnet string `json:"magnet"`
	}
	exportAnswer struct {
		Torrent []byte `json:"torrent"`
	}
	markRequest struct {
		Op  string `json:"op"`
		Who string `json:"who"`
	}
	stopAnswer struct {
		PID int `json:"pid"`
	}
	errorAnswer struct {
		Error string `json:"error"`
	}
)

// control answers requests of p2pfs commands on the socket of one mount. All
// fields are immutable.
type control struct {
	mount      controlled
	mountPoint string // real paths
	share      string
	log        *slog.Logger
	maxBody    int64 // bytes of a request's body
}

// handler returns the table of what can be asked.
func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		status, err := c.mount.Status(r.Context())
		c.answer(w, r, status, err)
	})
	mux.HandleFunc("POST /v1/add", handle(c, func(ctx context.Context, in torrentSource) (any, error) {
		if (in.Magnet == "") == (len(in.Torrent) == 0) {
			return nil, badRequest{errors.New("want a magnet or a torrent")}
		}
		name, err := c.mount.Add(ctx, in)
		return addAnswer{name}, err
	}))
	mux.HandleFunc("POST /v1/remove", handle(c, func(ctx context.Context, in removeRequest) (any, error) {
		return struct{}{}, c.mount.Remove(ctx, in.Name)
	}))
	mux.HandleFunc("POST /v1/magnet", handle(c, func(ctx context.Context, in fileRequest) (any, error) {
		at, err := c.locate(in.Path)
		if err != nil {
			return nil, err
		}
		magnet, err := c.mount.Magnet(ctx, at, in.V2)
		return magnetAnswer{magnet}, err
	}))
	mux.HandleFunc("POST /v1/export", handle(c, func(ctx context.Context, in fileRequest) (any, error) {
		at, err := c.locate(in.Path)
		if err != nil {
			return nil, err
		}
		torrent, err := c.mount.Export(ctx, at, in.V2)
		return exportAnswer{torrent}, err
	}))
	mux.HandleFunc("POST /v1/cache", c.serveCache)
	if k, ok := c.mount.(memberKeeper); ok {
		mux.HandleFunc("GET /v1/members", func(w http.ResponseWriter, r *http.Request) {
			list, err := k.Roster()
			c.answer(w, r, list, err)
		})
		mux.HandleFunc("POST /v1/mark", handle(c, func(_ context.Context, in markRequest) (any, error) {
			who, err := k.Mark(in.Op, in.Who)
			return who, err
		}))
	}
	if s, ok := c.mount.(stoppable); ok {
		mux.HandleFunc("POST /v1/stop", handle(c, func(context.Context, struct{}) (any, error) {
			s.Stop()
			return stopAnswer{os.Getpid()}, nil
		}))
	}
	return mux
}

// handle returns a handler that reads an In and answers what f returns.
func handle[In any](c *control, f func(context.Context, In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := c.decode(w, r, &in); err != nil {
			c.answer(w, r, nil, err)
			return
		}
		out, err := f(r.Context(), in)
		c.answer(w, r, out, err)
	}
}

// decode reads the body of a request.
func (c *control) decode(w http.ResponseWriter, r *http.Request, in any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, c.maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		return badRequest{fmt.Errorf("request: %w", err)}
	}
	return nil
}

// badRequest is an error in what was asked.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

// errElsewhere is the answer to a path outside this mount and its share
// directory.
var errElsewhere = errors.New("not in this mount or its share directory")

// locate finds a real path in the mount or in the share directory.
func (c *control) locate(path string) (location, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return location{}, badRequest{errors.New("want an absolute path")}
	}
	for i, root := range []string{c.mountPoint, c.share} {
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
			if rel == "." {
				rel = ""
			}
			return location{Share: i == 1, Path: rel}, nil
		}
	}
	return location{}, errElsewhere
}

// answer writes the answer or the error.
func (c *control) answer(w http.ResponseWriter, r *http.Request, out any, err error) {
	status := http.StatusOK
	if err != nil {
		status, out = statusOf(err), errorAnswer{err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(out); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		c.log.Debug("control answer not sent", "path", r.URL.Path, "err", err)
	}
}

// statusOf maps an error to a status of HTTP.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errElsewhere):
		return http.StatusMisdirectedRequest
	case errors.As(err, new(*http.MaxBytesError)):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, new(badRequest)):
		return http.StatusBadRequest
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, fs.ErrExist):
		return http.StatusConflict
	default:
		return http.StatusUnprocessableEntity
	}
}
