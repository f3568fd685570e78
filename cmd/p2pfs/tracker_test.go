package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/swarm/tracker"
)

// background is a run of p2pfs that goes on until it is interrupted.
type background struct {
	out    *bufio.Reader
	stderr bytes.Buffer
	cancel context.CancelFunc
	status chan int
}

// start runs p2pfs in the background; its stdout has to be read.
func start(t *testing.T, args ...string) *background {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	b := &background{out: bufio.NewReader(r), cancel: cancel, status: make(chan int, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.status <- run(ctx, args, w, &b.stderr)
		w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		r.Close()
		<-done
	})
	return b
}

// line reads the next line of stdout.
func (b *background) line(t *testing.T) string {
	t.Helper()
	s, err := b.out.ReadString('\n')
	if err != nil {
		t.Fatalf("stdout ended with %q, %v", s, err)
	}
	return strings.TrimSuffix(s, "\n")
}

// interrupt ends the run and returns what else it wrote on stdout.
func (b *background) interrupt(t *testing.T) (status int, rest string) {
	t.Helper()
	b.cancel()
	data, err := io.ReadAll(b.out)
	if err != nil {
		t.Fatal(err)
	}
	return <-b.status, string(data)
}

func TestTrackerCommand(t *testing.T) {
	for _, listen := range []string{"127.0.0.77:0", "[::1]:0", ":0"} {
		t.Run(listen, func(t *testing.T) {
			b := start(t, "tracker", "--listen", listen)
			url := b.line(t)
			if err := tracker.ParseURL(url); err != nil {
				t.Fatalf("printed %q: %v", url, err)
			}
			if want, _, _ := net.SplitHostPort(listen); want != "" && !strings.Contains(url, want) {
				t.Errorf("printed %q, want the address %s", url, want)
			}
			client := tracker.New(tracker.Config{})
			defer client.Close()
			if strings.HasPrefix(listen, ":") {
				url = "udp://127.0.0.1" + url[strings.LastIndex(url, ":"):]
			}
			req := tracker.Request{InfoHash: [20]byte{1}, PeerID: [20]byte{2}, Port: 6881, Left: 1}
			if _, err := client.Announce(t.Context(), url, req); err != nil {
				t.Error(err)
			}
			status, rest := b.interrupt(t)
			if status != cli.ExitDone || !strings.Contains(rest, "1 announces, 1 scrapes") || !strings.Contains(rest, "1 torrents with 1 peers") {
				t.Errorf("got status %d, %q, stderr %q; want the figures", status, rest, b.stderr.String())
			}
		})
	}
}

func TestTrackerPortTaken(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.78:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	runArgs(t, "tracker", "--listen", pc.LocalAddr().String()).want(t, cli.ExitFailed, "the port is in use")
	runArgs(t, "tracker", "--listen", "nowhere").want(t, cli.ExitUsage, "want ADDR:PORT")
}

func TestReachable(t *testing.T) {
	own := netip.MustParseAddrPort("127.0.0.5:1")
	if got := trackers.Reachable(own); got != own {
		t.Errorf("got %v, want %v as it is", got, own)
	}
	for _, all := range []string{"0.0.0.0:7", "[::]:7"} {
		if got := trackers.Reachable(netip.MustParseAddrPort(all)); got.Addr().IsUnspecified() || got.Port() != 7 {
			t.Errorf("%s: got %v, want an address to dial", all, got)
		}
	}
}
