package state

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
)

func TestKnownPeers(t *testing.T) {
	k := NewKnownPeers(t.TempDir(), slog.New(slog.DiscardHandler))
	h := metainfo.Hash{1}
	if got := k.Load(h); got != nil {
		t.Errorf("nothing is there, got %v", got)
	}
	want := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("[2001:db8::1]:2"), netip.MustParseAddrPort("[fe80::1%eth0]:3")}
	if err := k.save(h, want); err != nil {
		t.Fatal(err)
	}
	if got := k.Load(h); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, data := range map[string]string{
		"damaged": "x\n\n127.0.0.1\n127.0.0.1:99999\n 127.0.0.1:1 \n\x00\n", "no end": "127.0.0.1:1", "long": "127.0.0.1:1\n" + strings.Repeat("x", 1<<20),
	} {
		if err := os.WriteFile(k.path(h), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := k.Load(h); !slices.Equal(got, want[:1]) {
			t.Errorf("%s: got %v, want %v", name, got, want[:1])
		}
	}
	k.Forget(h)
	k.Forget(h)
	if got := k.Load(h); got != nil {
		t.Errorf("forgotten, got %v", got)
	}
}

func TestKnownPeersAreBounded(t *testing.T) {
	k := NewKnownPeers(t.TempDir(), slog.New(slog.DiscardHandler))
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
