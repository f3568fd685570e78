//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/swarmtest"
)

// TestStatusOfFile asks about files: what a read of one waits for, why it
// failed, and of a file that is all here.
func TestStatusOfFile(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "one.bin", 1<<20, 64<<10)
	peer := swarmtest.Serve(t, swarmtest.NeverUnchoke(tor))
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker", "--peer", peer.Addr.String(), "--read-timeout", "5s")
	m.start(tor.WriteTorrent(t, t.TempDir()))
	const path, want = ".p2pfs/torrents/one.bin", "waiting for piece 0: 1 peer with it, all choking"
	const reads = 3
	failed := make(chan error, reads)
	began := time.Now().Truncate(time.Second)
	for range reads {
		go func() { failed <- readStart(m.mnt(path)) }()
	}
	of := func(file string) (s fileStatus) {
		r := runArgs(t, "status", m.mnt(), file, "--json")
		r.want(t, cli.ExitDone, "")
		if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	within(t, patience, func() error {
		s := of(path)
		if len(failed) > 0 {
			t.Fatalf("failed before it said %q", want)
		}
		if !strings.HasPrefix(s.State, want) || s.Size != 1<<20 || s.Peers != 1 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	within(t, patience, func() error {
		s := status(t, m)
		if len(failed) < reads && (len(s.Waiting) != 1 || s.Waiting[0].Path != path || s.Waiting[0].Since.Before(began)) {
			return fmt.Errorf("%+v", s.Waiting)
		}
		return nil
	})
	for range reads {
		if err := <-failed; !errors.Is(err, syscall.EIO) {
			t.Errorf("got %v, want EIO", err)
		}
	}
	runArgs(t, "status", m.mnt(), path).want(t, cli.ExitDone, "the last read that failed")
	runArgs(t, "status", m.mnt(), m.mnt(path)).want(t, cli.ExitDone, "piece 0: no progress for 5s: 1 peer with it, all choking")
	if n := strings.Count(m.stderr.String(), "reads fail"); n != 1 {
		t.Errorf("logged %d times: %s", n, m.stderr)
	}

	m.write("own", []byte("all here"))
	m.sees("own", []byte("all here"))
	if s := of("own"); s.State != "whole on this machine" || s.Local != 8 || s.Member == "" {
		t.Errorf("%+v", s)
	}
	for file, want := range map[string]string{"none": "none", "/etc": "not in", ".p2pfs": "not a file", ".p2pfs/status": "no file"} {
		runArgs(t, "status", m.mnt(), file).want(t, cli.ExitFailed, want)
	}
}

// readStart reads the first byte of a file.
func readStart(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.ReadAt(make([]byte, 1), 0)
	return err
}

func TestFileStatusIsFitForTerminals(t *testing.T) {
	evil := "a\u202eb\x1b[2J"
	text := fileStatus{Path: evil, Member: evil, State: evil}.String() + listText(control.Report{Paths: []string{evil}})
	for line := range strings.Lines(text) {
		if !human.Plain(strings.TrimSuffix(line, "\n")) {
			t.Errorf("line not fit for a terminal: %q", line)
		}
	}
}
