//go:build linux

package control

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// reportEvery is how often a client hears how far its request is.
const reportEvery = 200 * time.Millisecond

// cacheRequest asks for something to be done to what is cached of a path.
type cacheRequest struct {
	Op   string `json:"op"`
	Path string `json:"path"` // absolute, real
}

// serveCache answers with cacheReports, a line of JSON each, until the last
// one, which has End set. The work ends with the client's connection.
func (s *server) serveCache(w http.ResponseWriter, r *http.Request) {
	var in cacheRequest
	at, err := Location{}, s.decode(w, r, &in)
	if err == nil {
		at, err = s.locate(in.Path)
	}
	if err != nil {
		s.answer(w, r, nil, err)
		return
	}
	out := http.NewResponseController(w)
	// The server's limit is for slow requests; beyond it the request would be
	// taken for gone.
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		s.answer(w, r, nil, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	var t Tally
	done := make(chan error, 1)
	go func() { done <- s.mount.Cache.Cache(ctx, in.Op, at, &t) }()
	w.Header().Set("Content-Type", "application/jsonl")
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	lines := json.NewEncoder(w)
	for {
		select {
		case err := <-done:
			end := t.Report()
			end.End = true
			if err != nil {
				end.Error = err.Error()
			}
			if err := lines.Encode(end); err != nil {
				s.log.Debug("control answer not sent", "path", r.URL.Path, "err", err)
			}
			return
		case <-tick.C:
			if lines.Encode(t.Report()) != nil || out.Flush() != nil {
				cancel()
				<-done
				return
			}
		}
	}
}
