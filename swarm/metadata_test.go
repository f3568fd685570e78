package swarm

import (
	"net/netip"
	"testing"

	"p2pfs/swarm/metainfo"
)

// TestMetadataAfterHandshake meets a seeder that is still opening its files: it
// has to tell later that it has the metadata.
func TestMetadataAfterHandshake(t *testing.T) {
	payload := randomBytes(100_000)
	v1, _ := torrents(t, payload, 64<<10)
	a, b := client(t, "127.0.0.2"), client(t, "127.0.0.3")
	joined := make(chan struct{})
	seeder := add(t, a, Spec{MetaInfo: v1, Storage: func(*metainfo.MetaInfo) (Storage, error) {
		<-joined
		return full(v1.Info, payload), nil
	}})
	magnet := v1.Magnet()
	got := add(t, b, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
	eventually(t, "connected", func() bool { return seeder.Stats().Peers == 1 && got.Stats().Peers == 1 })
	close(joined)
	check(t, got, payload)
}
