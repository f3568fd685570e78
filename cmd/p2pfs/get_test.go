package main

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/torrents"
	"p2pfs/swarm"
	"p2pfs/swarm/swarmtest"
)

// own returns flags that keep a run of get or seed apart from others: an
// address of its own and a state directory.
func own(t *testing.T) []string {
	t.Helper()
	return []string{"--listen", swarmtest.Host().String() + ":0", "--state", t.TempDir(), "--no-lsd"}
}

// seedTorrent runs p2pfs seed until the test ends, and returns its address.
func seedTorrent(t *testing.T, torrent, data string, flags ...string) string {
	t.Helper()
	args := append([]string{"seed", torrent, "--data", data}, own(t)...)
	b := start(t, append(args, flags...)...)
	line := b.line(t)
	_, addr, ok := strings.Cut(line, "serving on ")
	if !ok {
		t.Fatalf("seed printed %q", line)
	}
	return addr
}

// sampleTorrent makes a torrent of three files, and the files.
func sampleTorrent(t *testing.T, kind swarmtest.Kind) (tor *swarmtest.Torrent, file, dir string) {
	t.Helper()
	tor = swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "dir", Files: []swarmtest.File{
		{Path: "a", Data: swarmtest.Bytes(1, 200_000)}, {Path: "sub/b", Data: swarmtest.Bytes(2, 1)}, {Path: "zero"},
	}})
	dir = t.TempDir()
	tor.WritePayload(t, dir)
	return tor, tor.WriteTorrent(t, t.TempDir()), dir
}

func TestGetFromSeed(t *testing.T) {
	for _, kind := range swarmtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			tor, file, dir := sampleTorrent(t, kind)
			for i, data := range []string{dir, filepath.Join(dir, "dir")} {
				addr := seedTorrent(t, file, data)
				source := []string{file, tor.Magnet()}[i]
				out := filepath.Join(t.TempDir(), "made", "of it")
				r := runArgs(t, append([]string{"get", source, "-o", out, "--peer", addr}, own(t)...)...)
				r.want(t, cli.ExitDone, human.Quoted(filepath.Join(out, "dir"))+": 195.3 KiB verified")
				tor.CheckPayload(t, out)
			}
		})
	}
}

// TestGetThroughTracker finds the seed through p2pfs tracker, and peers that
// a magnet names.
func TestGetThroughTracker(t *testing.T) {
	tor, file, dir := sampleTorrent(t, swarmtest.V1)
	tracker := start(t, "tracker", "--listen", swarmtest.Host().String()+":0")
	url := tracker.line(t)
	addr := seedTorrent(t, file, dir, "--tracker", url)
	for _, args := range [][]string{{file, "--tracker", url}, {tor.Magnet() + "&tr=" + url}, {tor.Magnet(addr)}} {
		out := t.TempDir()
		runArgs(t, append(append([]string{"get", "-o", out}, args...), own(t)...)...).want(t, cli.ExitDone, "verified")
		tor.CheckPayload(t, out)
	}
	status, rest := tracker.interrupt(t)
	if status != cli.ExitDone || !regexp.MustCompile(`[1-9]\d* announces`).MatchString(rest) {
		t.Errorf("tracker: status %d, %q", status, rest)
	}
}

// TestGetWithLimits: each of the two flags makes a torrent take its time,
// beyond the 256 KiB that go at once.
func TestGetWithLimits(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "file", 640<<10, 32<<10)
	dir := t.TempDir()
	tor.WritePayload(t, dir)
	file := tor.WriteTorrent(t, t.TempDir())
	for _, c := range []struct{ seed, get []string }{
		{[]string{"--upload-limit", "384KiB"}, nil},
		{nil, []string{"--download-limit", "384KiB/s"}},
	} {
		addr, out, began := seedTorrent(t, file, dir, c.seed...), t.TempDir(), time.Now()
		args := append([]string{"get", file, "-o", out, "--peer", addr}, own(t)...)
		runArgs(t, append(args, c.get...)...).want(t, cli.ExitDone, "verified")
		tor.CheckPayload(t, out)
		if d := time.Since(began); d < 900*time.Millisecond {
			t.Errorf("seed %v, get %v: took %v", c.seed, c.get, d)
		}
	}
}

// TestGetAndSeed fetches from a get --seed whose own seed is gone.
func TestGetAndSeed(t *testing.T) {
	tor, file, dir := sampleTorrent(t, swarmtest.Hybrid)
	first := start(t, append([]string{"seed", file, "--data", dir}, own(t)...)...)
	_, addr, _ := strings.Cut(first.line(t), "serving on ")
	second := swarmtest.Host()
	at := netip.AddrPortFrom(second, swarmtest.FreePorts(t, second, 1)).String()
	between := start(t, "get", file, "-o", t.TempDir(), "--seed", "--peer", addr, "--listen", at, "--state", t.TempDir(), "--no-lsd")
	if line := between.line(t); !strings.Contains(line, "verified") {
		t.Fatalf("got %q", line)
	}
	if status, rest := first.interrupt(t); status != cli.ExitDone || rest != "" {
		t.Errorf("seed ended with status %d, %q", status, rest)
	}
	out := t.TempDir()
	runArgs(t, append([]string{"get", tor.Magnet(), "-o", out, "--peer", at}, own(t)...)...).want(t, cli.ExitDone, "verified")
	tor.CheckPayload(t, out)
	if status, _ := between.interrupt(t); status != cli.ExitDone {
		t.Errorf("get --seed: status %d, stderr %q", status, between.stderr.String())
	}
}

// TestGetAgain fetches nothing a second time: with the state of the first run,
// without it, and after one file was damaged only that piece.
func TestGetAgain(t *testing.T) {
	tor, file, dir := sampleTorrent(t, swarmtest.V1)
	addr := seedTorrent(t, file, dir)
	out, flags := t.TempDir(), own(t)
	get := func(flags []string) string {
		t.Helper()
		r := runArgs(t, append([]string{"get", file, "-o", out, "--peer", addr}, flags...)...)
		r.want(t, cli.ExitDone, "verified")
		tor.CheckPayload(t, out)
		return r.stdout
	}
	get(flags)
	for _, flags := range [][]string{flags, own(t)} {
		if line := get(flags); !strings.Contains(line, " 0 B of it fetched") {
			t.Errorf("second run: %q, want 0 B of it fetched", line)
		}
	}
	f, err := os.OpenFile(filepath.Join(out, "dir", "a"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("damage"), 70_000)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if line := get(flags); !strings.Contains(line, " 64.0 KiB of it fetched") {
		t.Errorf("after damage: %q, want one piece fetched", line)
	}
}

func TestGetErrors(t *testing.T) {
	_, file, dir := sampleTorrent(t, swarmtest.V1)
	taken := start(t, append([]string{"seed", file, "--data", dir}, own(t)...)...)
	_, addr, _ := strings.Cut(taken.line(t), "serving on ")
	damaged := t.TempDir()
	if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(damaged, "dir", "a"), 100_000); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"get", "none.torrent"}, cli.ExitFailed, "no such file"},
		{[]string{"get", "magnet:?dn=x"}, cli.ExitFailed, "magnet"},
		{[]string{"get", file, "-o", file}, cli.ExitFailed, "not a directory"},
		{[]string{"get", file, "--listen", addr}, cli.ExitFailed, "in use"},
		{[]string{"get", file, "--listen", "192.0.2.1:0"}, cli.ExitFailed, "192.0.2.1"},
		{[]string{"get", file, "--peer", "127.0.0.1"}, cli.ExitUsage, "want HOST:PORT"},
		{[]string{"get", file, "--state", file}, cli.ExitFailed, "not a directory"},
		{[]string{"seed", file}, cli.ExitUsage, "--data PATH is required"},
		{[]string{"seed", "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567", "--data", dir}, cli.ExitFailed, ""},
		{[]string{"seed", file, "--data", filepath.Join(dir, "none")}, cli.ExitFailed, "no such file"},
		{[]string{"seed", file, "--data", t.TempDir()}, cli.ExitFailed, "no piece of it verifies"},
		{[]string{"seed", file, "--data", damaged}, cli.ExitFailed, "3 of 4 pieces do not verify"},
		{[]string{"seed", file, "--data", file}, cli.ExitFailed, ""},
	} {
		args := append(tt.args, "--state", state)
		if tt.args[0] == "get" {
			args = append(args, "-o", t.TempDir())
		}
		// The last of two flags counts: those of the table come last.
		runArgs(t, append(append([]string{args[0]}, args[len(tt.args):]...), tt.args[1:]...)...).want(t, tt.status, tt.want)
	}
}

func TestGetInterrupted(t *testing.T) {
	_, file, dir := sampleTorrent(t, swarmtest.V1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{{"get", file, "-o", t.TempDir()}, {"seed", file, "--data", dir}} {
		var stdout, stderr bytes.Buffer
		status := run(ctx, append(args, own(t)...), &stdout, &stderr)
		if status != cli.ExitFailed || !strings.HasSuffix(stderr.String(), "p2pfs: interrupted\n") || stdout.Len() > 0 {
			t.Errorf("%s: got status %d, %q, %q", args[0], status, stdout.String(), stderr.String())
		}
	}
}

// TestGetAlone says that nobody is known to ask.
func TestGetAlone(t *testing.T) {
	_, file, _ := sampleTorrent(t, swarmtest.V1)
	b := start(t, append([]string{"get", file, "-o", t.TempDir()}, own(t)...)...)
	b.cancel()
	if status, _ := b.interrupt(t); status != cli.ExitFailed {
		t.Errorf("status %d", status)
	}
}

func TestSeedingLine(t *testing.T) {
	for _, tt := range []struct {
		s    swarm.Stats
		want string
	}{
		{swarm.Stats{Up: 1024, Peers: 1, Sent: 10}, "seeding  up 1.0 KiB/s  1 peer  10 B sent"},
		{swarm.Stats{Trouble: "tracker udp://x: no\nreply"}, "seeding  up 0 B/s  0 peers  0 B sent  (tracker udp://x: no; reply)"},
		{swarm.Stats{Peers: 2, Trouble: "no matter"}, "seeding  up 0 B/s  2 peers  0 B sent"},
	} {
		if got := torrents.SeedingLine(tt.s); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
