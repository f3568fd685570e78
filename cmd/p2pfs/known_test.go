package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

func TestKnownPeers(t *testing.T) {
	k := newKnownPeers(t.TempDir(), quiet)
	h := metainfo.Hash{1}
	if got := k.load(h); got != nil {
		t.Errorf("nothing is there, got %v", got)
	}
	want := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("[2001:db8::1]:2"), netip.MustParseAddrPort("[fe80::1%eth0]:3")}
	if err := k.save(h, want); err != nil {
		t.Fatal(err)
	}
	if got := k.load(h); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, data := range map[string]string{
		"damaged": "x\n\n127.0.0.1\n127.0.0.1:99999\n 127.0.0.1:1 \n\x00\n", "no end": "127.0.0.1:1", "long": "127.0.0.1:1\n" + strings.Repeat("x", 1<<20),
	} {
		if err := os.WriteFile(k.path(h), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := k.load(h); !slices.Equal(got, want[:1]) {
			t.Errorf("%s: got %v, want %v", name, got, want[:1])
		}
	}
	k.forget(h)
	k.forget(h)
	if got := k.load(h); got != nil {
		t.Errorf("forgotten, got %v", got)
	}
}

func TestKnownPeersAreBounded(t *testing.T) {
	k := newKnownPeers(t.TempDir(), quiet)
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range maxKnownFiles + 5 {
		path := filepath.Join(k.dir, fmt.Sprintf("%040x", i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Unix(int64(i), 0)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.save(metainfo.Hash{0xff}, nil); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(k.dir)
	if err != nil || len(left) != maxKnownFiles || left[0].Name() != fmt.Sprintf("%040x", 6) {
		t.Errorf("%d files are left, the first %v, %v; want %d from the seventh on", len(left), left[0], err, maxKnownFiles)
	}
}

// TestUnwritableKnownPeers logs it, and nothing else.
func TestUnwritableKnownPeers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := swarm.Spec{Magnet: &metainfo.Magnet{HasV1: true, V1: metainfo.Hash{1}}}
	newKnownPeers(file, quiet).into(&s)
	s.Remember([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")})
	if s.Known != nil {
		t.Errorf("known: %v", s.Known)
	}
}

// TestGetKnowsPeers fetches a second time from the peer that --peer named the
// first time, and a third time by another name of the same torrent.
func TestGetKnowsPeers(t *testing.T) {
	tor, file, dir := sampleTorrent(t, swarmtest.V1)
	addr := seedTorrent(t, file, dir)
	flags := own(t)
	for i, args := range [][]string{{file, "--peer", addr}, {file}, {tor.Magnet()}} {
		out := t.TempDir()
		r := runArgs(t, append(append([]string{"get", "-o", out}, args...), flags...)...)
		r.want(t, cli.ExitDone, "verified")
		tor.CheckPayload(t, out)
		if i > 0 && strings.Contains(r.stderr, "neither a tracker nor a peer") {
			t.Errorf("%q: stderr %q", args, r.stderr)
		}
	}
}
