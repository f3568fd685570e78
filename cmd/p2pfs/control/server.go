//go:build linux

package control

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

// maxBody holds the largest torrent file in base64, and some.
const maxBody = maxTorrent/3*4 + 64<<10

// maxTorrent bounds the bytes of a torrent file (as metainfo does).
const maxTorrent = 16 << 20

// Mount is a running mount as its control socket sees it. Methods are called
// concurrently; an error's text is shown to the user. fs.ErrNotExist stands for a
// name that is not there, fs.ErrExist for one that is. What a nil part would
// answer cannot be asked for.
type Mount struct {
	Status   Reporter
	Torrents Torrents
	Cache    Cacher
	Members  Members
	Stop     func() // has the mount end, and does not wait for that
}

// Reporter tells how a mount is.
type Reporter interface {
	// Status does not wait for the network.
	Status(ctx context.Context) (Status, error)
}

// Torrents has the torrents that are in a mount, and those of its files.
type Torrents interface {
	// Add puts a torrent or magnet into the mount and returns its name there.
	// A refused one changes nothing.
	Add(ctx context.Context, source Source) (name string, err error)
	// Remove takes out what Add put in, by name or infohash in hex.
	Remove(ctx context.Context, nameOrInfoHash string) error
	// Magnet returns the magnet of a file, for v1 clients or for v2 ones.
	Magnet(ctx context.Context, file Location, v2 bool) (string, error)
	// Export returns a file's metainfo, the bytes of a .torrent.
	Export(ctx context.Context, file Location, v2 bool) ([]byte, error)
}

// Cacher keeps what was read of a mount's files.
type Cacher interface {
	// Cache does op to what the cache has, or is to have, of a path and all
	// below it, and counts in t. It blocks for as long as that takes.
	Cache(ctx context.Context, op string, at Location, t *Tally) error
}

// Members tells of the members of a mount's drive and hides them on this
// machine.
type Members interface {
	// Roster lists the other members, also those who are blocked.
	Roster() ([]RosterEntry, error)
	// Mark does op (block, unblock, forget) to a member, given by digits of
	// his key or by a name that no other has, and returns him as he is then.
	Mark(op, who string) (RosterEntry, error)
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

// server answers requests of p2pfs commands on the socket of one mount. All
// fields are immutable.
type server struct {
	mount      Mount
	mountPoint string // real paths
	share      string
	log        *slog.Logger
	maxBody    int64 // bytes of a request's body
}

// handler returns the table of what can be asked.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		status, err := s.mount.Status.Status(r.Context())
		s.answer(w, r, status, err)
	})
	if s.mount.Torrents != nil {
		s.handleTorrents(mux, s.mount.Torrents)
	}
	if s.mount.Cache != nil {
		mux.HandleFunc("POST /v1/cache", s.serveCache)
	}
	if k := s.mount.Members; k != nil {
		mux.HandleFunc("GET /v1/members", func(w http.ResponseWriter, r *http.Request) {
			list, err := k.Roster()
			s.answer(w, r, list, err)
		})
		mux.HandleFunc("POST /v1/mark", handle(s, func(_ context.Context, in markRequest) (any, error) {
			who, err := k.Mark(in.Op, in.Who)
			return who, err
		}))
	}
	if stop := s.mount.Stop; stop != nil {
		mux.HandleFunc("POST /v1/stop", handle(s, func(context.Context, struct{}) (any, error) {
			stop()
			return stopAnswer{os.Getpid()}, nil
		}))
	}
	return mux
}

// handleTorrents adds what can be asked of torrents.
func (s *server) handleTorrents(mux *http.ServeMux, k Torrents) {
	mux.HandleFunc("POST /v1/add", handle(s, func(ctx context.Context, in Source) (any, error) {
		if (in.Magnet == "") == (len(in.Torrent) == 0) {
			return nil, Refuse("want a magnet or a torrent")
		}
		name, err := k.Add(ctx, in)
		return addAnswer{name}, err
	}))
	mux.HandleFunc("POST /v1/remove", handle(s, func(ctx context.Context, in removeRequest) (any, error) {
		return struct{}{}, k.Remove(ctx, in.Name)
	}))
	mux.HandleFunc("POST /v1/magnet", handle(s, func(ctx context.Context, in fileRequest) (any, error) {
		at, err := s.locate(in.Path)
		if err != nil {
			return nil, err
		}
		magnet, err := k.Magnet(ctx, at, in.V2)
		return magnetAnswer{magnet}, err
	}))
	mux.HandleFunc("POST /v1/export", handle(s, func(ctx context.Context, in fileRequest) (any, error) {
		at, err := s.locate(in.Path)
		if err != nil {
			return nil, err
		}
		torrent, err := k.Export(ctx, at, in.V2)
		return exportAnswer{torrent}, err
	}))
}

// handle returns a handler that reads an In and answers what f returns.
func handle[In any](s *server, f func(context.Context, In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := s.decode(w, r, &in); err != nil {
			s.answer(w, r, nil, err)
			return
		}
		out, err := f(r.Context(), in)
		s.answer(w, r, out, err)
	}
}

// decode reads the body of a request.
func (s *server) decode(w http.ResponseWriter, r *http.Request, in any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(in)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		return Refuse("request: %w", err)
	}
	return nil
}

// Refuse returns an error that is the fault of who asked.
func Refuse(format string, args ...any) error { return badRequest{fmt.Errorf(format, args...)} }

// badRequest is an error in what was asked.
type badRequest struct{ error }

func (e badRequest) Unwrap() error { return e.error }

// ErrElsewhere is the answer to a path outside this mount and its share
// directory.
var ErrElsewhere = errors.New("not in this mount or its share directory")

// locate finds a real path in the mount or in the share directory.
func (s *server) locate(path string) (Location, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return Location{}, Refuse("want an absolute path")
	}
	for i, root := range []string{s.mountPoint, s.share} {
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
			if rel == "." {
				rel = ""
			}
			return Location{Share: i == 1, Path: rel}, nil
		}
	}
	return Location{}, ErrElsewhere
}

// answer writes the answer or the error.
func (s *server) answer(w http.ResponseWriter, r *http.Request, out any, err error) {
	status := http.StatusOK
	if err != nil {
		status, out = statusOf(err), errorAnswer{err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(out); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		s.log.Debug("control answer not sent", "path", r.URL.Path, "err", err)
	}
}

// statusOf maps an error to a status of HTTP.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrElsewhere):
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
