package swarm

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestWaits asks what a read waits for that cannot be served, sees it fail, and
// finds the cause in the error, and once in the log however many reads fail.
func TestWaits(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "payload.bin", 1<<20, 64<<10)
	serve := func(b swarmtest.Behaviour) netip.AddrPort { return swarmtest.Serve(t, b).Addr }
	tests := []struct {
		name  string
		peers []netip.AddrPort
		want  string
	}{
		{"nobody", nil, "no peer connected (0 known)"},
		{"refused", []netip.AddrPort{netip.AddrPortFrom(swarmtest.Host(), 1)}, ":1: connection refused"},
		{"choking", []netip.AddrPort{serve(swarmtest.NeverUnchoke(tor)), serve(swarmtest.NeverUnchoke(tor))}, "2 peers with it, all choking"},
		{"without it", []netip.AddrPort{serve(swarmtest.HaveNothing(tor))}, "no peer has it (1 connected)"},
		{"false bytes", []netip.AddrPort{serve(swarmtest.CorruptEvery(tor, 1))}, "hash mismatch from 1 of 1 peer"},
		{"silence", []netip.AddrPort{serve(swarmtest.Stall(tor, 0))}, "1 peer with it, nothing sent yet"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := client(t, swarmtest.Host().String())
			logged := &lines{}
			c.log = slog.New(slog.NewTextHandler(logged, nil))
			got := add(t, c, Spec{
				MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open,
				Peers: tt.peers, ReadTimeout: 2 * time.Second,
			})
			r := got.NewReader(0)
			defer r.Close()
			if w := got.Waits(t.Context(), 0); w.Reads != 0 {
				t.Errorf("got %+v before any read", w)
			}
			const reads = 8
			failed := make(chan error, reads)
			began := time.Now()
			for i := range reads {
				go func() {
					_, err := r.ReadAt(t.Context(), make([]byte, 10), int64(i%4)*64<<10)
					failed <- err
				}()
			}
			eventually(t, "the reads say what they wait for: "+tt.want, func() bool {
				w := got.Waits(t.Context(), 0)
				return w.Reads == reads && strings.Contains(w.Why, tt.want) && !w.Since.Before(began) || len(failed) == reads
			})
			for range reads {
				if err := <-failed; !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			}
			if n := strings.Count(logged.String(), tt.want); n != 1 {
				t.Errorf("logged %d times:\n%s", n, logged)
			}
		})
	}
}

// TestWaitsAsked asks in vain.
func TestWaitsAsked(t *testing.T) {
	_, tor, _ := pair(t, 1<<20, Spec{})
	for _, file := range []int{-1, 1, 1 << 40} {
		if w := tor.Waits(t.Context(), file); w != (Wait{}) {
			t.Errorf("file %d: %+v", file, w)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tor.Waits(ctx, 0)
	tor.Close()
	if w := tor.Waits(t.Context(), 0); w != (Wait{}) {
		t.Errorf("closed: %+v", w)
	}
}

// lines is a Writer for loggers.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
