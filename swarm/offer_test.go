package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/picker"
	"p2pfs/swarm/upload"
)

// TestWholeTorrentDials has a seeder find somebody who cannot dial it.
func TestWholeTorrentDials(t *testing.T) {
	payload := randomBytes(300_000)
	v1, _ := torrents(t, payload, 64<<10)
	a, b := client(t, "127.0.0.2"), client(t, "127.0.0.3")
	got := add(t, b, Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true})
	seeder := add(t, a, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open, Peers: []netip.AddrPort{b.Addr()}})
	check(t, got, payload)
	eventually(t, "sent", func() bool { return seeder.Stats().Sent > 0 })
}

func TestPatience(t *testing.T) {
	for _, tt := range []struct {
		name    string
		r       remote
		holding bool
		want    time.Duration
	}{
		{"new leecher", remote{pp: &picker.Peer{}, up: &upload.Peer{}}, true, slowInterest},
		{"we have nothing", remote{pp: &picker.Peer{}, up: &upload.Peer{}}, false, idleClose},
		{"seed", remote{pp: &picker.Peer{All: true}, up: &upload.Peer{}}, true, idleClose},
		{"wants nothing", remote{pp: &picker.Peer{}, up: &upload.Peer{UploadOnly: true}}, true, idleClose},
		{"wants no more", remote{pp: &picker.Peer{}, up: &upload.Peer{WasInterested: true}}, true, idleClose},
	} {
		if got := tt.r.patience(tt.holding); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
