package swarm

import (
	"bytes"
	"io"
	"net/netip"
	"testing"

	"p2pfs/swarm/metainfo"
)

func TestFetch(t *testing.T) {
	for _, size := range []int{1, 16 << 10, 16<<10 + 1, 64 << 10, 64<<10 + 1, 1<<20 + 77} {
		payload := randomBytes(size)
		v1, v2 := torrents(t, payload, 64<<10)
		for name, m := range map[string]*metainfo.MetaInfo{"v1": v1, "v2": v2} {
			t.Run(name, func(t *testing.T) {
				a, b := client(t, "127.0.0.2"), client(t, "127.0.0.3")
				add(t, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open, Everything: true})
				got := &memory{}
				tor := add(t, b, Spec{MetaInfo: m, Storage: got.open, Everything: true, Peers: []netip.AddrPort{a.Addr()}})
				if err := tor.Wait(soon(t)); err != nil {
					t.Fatal(err)
				}
				check(t, tor, payload)
			})
		}
	}
}

// check reads the only file of the torrent and compares.
func check(t *testing.T, tor *Torrent, payload []byte) {
	t.Helper()
	r := tor.NewReader(0)
	defer r.Close()
	got := make([]byte, len(payload))
	if n, err := r.ReadAt(soon(t), got, 0); err != nil || n != len(payload) {
		t.Fatalf("got %d bytes, %v, want %d", n, err, len(payload))
	}
	if !bytes.Equal(got, payload) {
		t.Fatal("got other bytes")
	}
	if n, err := r.ReadAt(soon(t), got, int64(len(payload))); n != 0 || err != io.EOF {
		t.Fatalf("at the end got %d, %v, want 0, EOF", n, err)
	}
}

func TestReadFromMagnet(t *testing.T) {
	payload := randomBytes(3<<20 + 5)
	v1, v2 := torrents(t, payload, 64<<10)
	for name, m := range map[string]*metainfo.MetaInfo{"v1": v1, "v2": v2} {
		t.Run(name, func(t *testing.T) {
			a, b := client(t, "127.0.0.2"), client(t, "127.0.0.3")
			add(t, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
			magnet := m.Magnet()
			tor := add(t, b, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
			if _, err := tor.Metadata(soon(t)); err != nil {
				t.Fatal(err)
			}
			check(t, tor, payload)
		})
	}
}
