//go:build linux

package main

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// dialFrom is a Client that dials from an address.
type dialFrom netip.Addr

func (d dialFrom) Join(cfg gather.Config) *gather.Gathering {
	return gather.New(gather.Network{Dial: d.dial, PeerID: wire.NewPeerID()}, cfg)
}

func (dialFrom) Upload(context.Context, int) error { return nil }

func (d dialFrom) dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: netip.Addr(d).AsSlice()}}
	return dialer.DialContext(ctx, "tcp", a.String())
}

// A member whose clock is wrong is there with his files, and status says by how
// much it is.
func TestWrongClockIsTold(t *testing.T) {
	t.Parallel()
	m := newMounted(t, t.Name(), "anna").start()
	for name, by := range map[string]time.Duration{"bob": -31 * 24 * time.Hour, "carol (40 days)": 40 * 24 * time.Hour} {
		key := drive.OpenKey(m.drive)
		store, err := store.Open(filepath.Join(t.TempDir(), "catalog.db"), key.Rendezvous(), nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := drive.New(drive.Config{
			Key: key, Identity: catalog.NewIdentity(), Name: name, Store: store, Client: dialFrom(swarmtest.Host()),
			Now: func() time.Time { return time.Now().Add(by) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close(); store.Close() })
		if _, err := d.Share(catalog.Delta{All: true, Put: []catalog.File{{Path: "of " + name, MTime: time.Unix(1e9, 0)}}}); err != nil {
			t.Fatal(err)
		}
		d.Swarm().Add([]netip.AddrPort{netip.MustParseAddrPort(status(t, m).Listen)}, book.Before)
	}
	m.says(`"bob"'s clock is 31 days behind`, "clock differs")
	m.says(`"carol (40 days)"'s clock is 40 days ahead`, "")
	m.sees("of bob", nil)
	m.sees("of carol (40 days)", nil)
}
