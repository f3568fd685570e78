//go:build linux

package main

import (
	"net/netip"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
)

// meetHere announces the drive on the local network, and tells it of members
// who do: so they meet there without any tracker. While nobody is connected it
// does so more often.
func (m *member) meetHere(rendezvous metainfo.Hash) {
	found := make(chan netip.AddrPort, 16)
	leave := m.client.Discover(rendezvous, func(a netip.AddrPort) {
		select { // it must not wait
		case found <- a:
		default:
		}
	})
	m.onClose(func() error { leave(); return nil })
	m.wg.Go(func() {
		lonely := time.NewTicker(lonelyEvery)
		defer lonely.Stop()
		for {
			select {
			case <-lonely.C:
				if m.lonely() {
					m.client.DiscoverAgain(rendezvous)
				}
			case a := <-found:
				m.log.Debug("member on the local network", "peer", a)
				if netgroup.MayTell(a.Addr(), a) { // it tells of itself
					m.drive.Load().AddFound([]netip.AddrPort{a})
				}
			case <-m.ctx.Done():
				return
			}
		}
	})
}
