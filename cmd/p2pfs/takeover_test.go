//go:build linux

package main

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/swarmtest"
)

// onOneMachine mounts a member that shares an address, and with it a tracker,
// with others.
func onOneMachine(t *testing.T, name string, addr netip.Addr) *member {
	t.Helper()
	base := t.TempDir()
	cfg := memberConfig{
		drive: t.Name(), name: name, share: base + "/share", cache: base + "/cache", state: base + "/state",
		mountPoint: base + "/mnt", cacheSize: 64 << 20, listen: cli.ListenAddr{Addr: addr, Port: 0}, readTimeout: time.Minute,
		takeOver: 100 * time.Millisecond, log: quiet,
	}
	if err := os.Mkdir(cfg.mountPoint, 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := startMember(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		mounting.Unmount(cfg.mountPoint, true)
	})
	return m
}

// TestTrackerTakenOver ends the member with the tracker that another member on
// the machine uses: that one serves it, and a third one meets it there.
func TestTrackerTakenOver(t *testing.T) {
	t.Parallel()
	needMount(t)
	if takeOverEvery > time.Minute/2 {
		t.Errorf("a member looks only every %v whether the tracker has died", takeOverEvery)
	}
	addr := swarmtest.Host()
	a, b := onOneMachine(t, "anna", addr), onOneMachine(t, "bob", addr)
	for m, want := range map[*member]string{a: "(embedded)", b: "of another p2pfs"} {
		if got := m.trackers.describe(); !strings.Contains(got, want) {
			t.Errorf("%s has %s, want %s", m.cfg.name, got, want)
		}
	}
	meet := func(x, y *member) {
		t.Helper()
		name, data := "from "+x.cfg.name, []byte("hello from "+x.cfg.name)
		if err := os.WriteFile(filepath.Join(x.cfg.share, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		within(t, 2*patience, func() error {
			got, err := os.ReadFile(filepath.Join(y.cfg.mountPoint, name))
			if err == nil && !bytes.Equal(got, data) {
				err = errors.New("got " + string(got))
			}
			return err
		})
	}
	meet(a, b)
	began := time.Now()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("the member with the tracker took %v to end", d)
	}
	within(t, patience, func() error {
		if got := b.trackers.describe(); !strings.Contains(got, "(embedded)") {
			return errors.New(got)
		}
		return nil
	})
	c := onOneMachine(t, "carl", addr)
	meet(b, c)
	meet(c, b)
}
