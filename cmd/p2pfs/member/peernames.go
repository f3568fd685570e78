//go:build linux

package member

import (
	"context"
	"log/slog"
	"net/netip"

	"p2pfs/cmd/p2pfs/cli"
)

// peerNames looks up peers that are given by name.
type peerNames struct {
	ctx context.Context // ends when nobody waits any more
	log *slog.Logger
}

// resolve turns HOST:PORT into addresses; a name that cannot be looked up is
// left out with a warning.
func (n peerNames) resolve(peers []string) (out []netip.AddrPort) {
	for _, p := range peers {
		addrs, err := cli.ResolvePeers(n.ctx, []string{p})
		if err != nil {
			n.log.Warn("peer left out", "peer", p, "err", err)
		}
		out = append(out, addrs...)
	}
	return out
}
