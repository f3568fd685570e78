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
	"p2pfs/cmd/p2pfs/member"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/swarmtest"
)

// onOneMachine mounts a member that shares an address, and with it a tracker,
// with others.
func onOneMachine(t *testing.T, name string, addr netip.Addr) *member.Member {
	t.Helper()
	base := t.TempDir()
	cfg := member.Config{
		Drive: t.Name(), Name: name, Share: base + "/share", Cache: base + "/cache", State: base + "/state",
		MountPoint: base + "/mnt", CacheSize: 64 << 20, Log: quiet,
		Net: member.Net{Listen: cli.ListenAddr{Addr: addr, Port: 0}, ReadTimeout: time.Minute, TrackerTakeOver: 100 * time.Millisecond},
	}
	if err := os.Mkdir(cfg.MountPoint, 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := member.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		mounting.Unmount(cfg.MountPoint, true)
	})
	return m
}

// TestTrackerTakenOver ends the member with the tracker that another member on
// the machine uses: that one serves it, and a third one meets it there.
func TestTrackerTakenOver(t *testing.T) {
	t.Parallel()
	needMount(t)
	if trackers.TakeOverEvery > time.Minute/2 {
		t.Errorf("a member looks only every %v whether the tracker has died", trackers.TakeOverEvery)
	}
	addr := swarmtest.Host()
	a, b := onOneMachine(t, "anna", addr), onOneMachine(t, "bob", addr)
	for m, want := range map[*member.Member]string{a: "(embedded)", b: "of another p2pfs"} {
		if got := m.Tracker(); !strings.Contains(got, want) {
			t.Errorf("%s has %s, want %s", m.Config.Name, got, want)
		}
	}
	meet := func(x, y *member.Member) {
		t.Helper()
		name, data := "from "+x.Config.Name, []byte("hello from "+x.Config.Name)
		if err := os.WriteFile(filepath.Join(x.Config.Share, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		within(t, 2*patience, func() error {
			got, err := os.ReadFile(filepath.Join(y.Config.MountPoint, name))
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
		if got := b.Tracker(); !strings.Contains(got, "(embedded)") {
			return errors.New(got)
		}
		return nil
	})
	c := onOneMachine(t, "carl", addr)
	meet(b, c)
	meet(c, b)
}
