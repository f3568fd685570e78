//go:build linux

package main

import (
	"net/netip"

	"p2pfs/swarm/drive"
	"p2pfs/swarm/metainfo"
)

// meetHere announces the drive on the local network, and tells it of members
// who do: so they meet there without any tracker.
func (m *member) meetHere(d *drive.Drive) {
	found := make(chan netip.AddrPort, 16)
	leave := m.client.Discover(metainfo.Hash(d.Rendezvous()), func(a netip.AddrPort) {
		select { // it must not wait
		case found <- a:
		default:
		}
	})
	m.onClose(func() error { leave(); return nil })
	m.wg.Go(func() {
		for {
			select {
			case a := <-found:
				m.log.Debug("member on the local network", "peer", a)
				d.AddPeers([]netip.AddrPort{a})
			case <-m.ctx.Done():
				return
			}
		}
	})
}
