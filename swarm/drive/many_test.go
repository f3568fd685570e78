package drive

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
)

// household is a process that is a member of several drives, with one identity, one
// engine and one address.
type household struct {
	addr   netip.AddrPort
	drives []*Drive
}

// newHousehold joins the drives of those keys.
func newHousehold(t *testing.T, p *pipes, n int, keys ...Key) *household {
	t.Helper()
	h := &household{addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}), 6881)}
	engine := newEngine(pipeDialer{p, h.addr}.Dial, 6881)
	for _, k := range keys {
		store, err := store.Open(filepath.Join(t.TempDir(), "catalog.db"), k.Rendezvous(), nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := New(Config{Key: k, Identity: ident(n), Name: "m", Store: store, Client: engine})
		if err != nil {
			t.Fatal(err)
		}
		h.drives = append(h.drives, d)
		t.Cleanup(func() {
			d.Close()
			store.Close()
		})
	}
	p.host(h.addr, func(c net.Conn) {
		hs, err := readTestHandshake(c)
		for _, d := range h.drives {
			if err == nil && d.Rendezvous() == hs.InfoHash {
				d.Swarm().Accept(c, hs)
				return
			}
		}
		c.Close()
	})
	return h
}

func has(d *Drive, path string) bool {
	_, err := d.View().Lookup(path)
	return err == nil
}

// Two drives of one process have an engine and an identity in common, and nothing
// else: what is shared in one is seen in it alone, and it goes on when the other is
// left.
func TestTwoDrivesInOneProcess(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		one, two := OpenKey("one"), OpenKey("two")
		a, b := newHousehold(t, p, 1, one, two), newHousehold(t, p, 2, one, two)
		only := newHousehold(t, p, 3, two)
		share := func(d *Drive, path string, seed int) {
			t.Helper()
			if _, err := d.Share(catalog.Delta{All: true, Put: []catalog.File{file(path, seed)}}); err != nil {
				t.Fatal(err)
			}
		}
		share(a.drives[0], "first", 1)
		share(a.drives[1], "second", 2)
		for _, h := range []*household{b, only} {
			for _, d := range h.drives {
				d.Swarm().Add([]netip.AddrPort{a.addr}, book.Before)
			}
		}
		time.Sleep(5 * time.Second)
		for _, c := range []struct {
			d    *Drive
			path string
			want bool
		}{
			{b.drives[0], "first", true}, {b.drives[0], "second", false},
			{b.drives[1], "first", false}, {b.drives[1], "second", true},
			{only.drives[0], "first", false}, {only.drives[0], "second", true},
		} {
			if got := has(c.d, c.path); got != c.want {
				t.Errorf("%s: seen %v, want %v", c.path, got, c.want)
			}
		}
		if err := a.drives[0].Close(); err != nil {
			t.Fatal(err)
		}
		share(a.drives[1], "third", 3)
		time.Sleep(5 * time.Second)
		if !has(b.drives[1], "third") || !has(only.drives[0], "third") {
			t.Error("the other drive does not go on")
		}
	})
}
