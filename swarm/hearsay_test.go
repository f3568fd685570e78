package swarm

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"

	"p2pfs/swarm/carrier"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// outside is a network of which we see the dials.
type outside struct {
	*carrier.TCP
	mu    sync.Mutex
	hosts map[netip.AddrPort]netip.AddrPort // who listens, and where really
	dials map[netip.AddrPort]int
}

func (o *outside) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	o.mu.Lock()
	o.dials[a]++
	real, ok := o.hosts[a]
	o.mu.Unlock()
	if !ok {
		return nil, errors.New("connection refused")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", real.String())
}

// dialsTo are the dials of a host: of how many ports, and how many.
func (o *outside) dialsTo(host string) (ports, dials int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for a, n := range o.dials {
		if a.Addr() == netip.MustParseAddr(host) {
			ports, dials = ports+1, dials+n
		}
	}
	return ports, dials
}

// TestPeersDoNotScan: a peer from outside that tells of ports of our network, of
// privileged ones and of hundreds of one victim has none but four of the latter
// dialled, and those not often.
func TestPeersDoNotScan(t *testing.T) {
	t.Parallel()
	v1, _ := torrents(t, randomBytes(100_000), 16<<10)
	ln, err := net.Listen("tcp", swarmtest.Host().String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	teller := netip.MustParseAddrPort("203.0.113.9:7000")
	o := &outside{hosts: map[netip.AddrPort]netip.AddrPort{teller: ln.Addr().(*net.TCPAddr).AddrPort()}, dials: map[netip.AddrPort]int{}}
	if o.TCP, err = carrier.ListenTCP(swarmtest.Host().String() + ":0"); err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Carrier: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	tor := add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Announce: Never, Peers: []netip.AddrPort{teller}})

	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := talker{swarmtest.NewConn(nc, false), t}
	t.Cleanup(func() { nc.Close() })
	if _, err := p.ReadHandshake(); err != nil {
		t.Fatal(err)
	}
	hs := wire.Handshake{InfoHash: v1.Info.HashV1, PeerID: swarmtest.PeerID()}
	hs.SetExtended()
	if err := p.SendHandshake(hs); err != nil {
		t.Fatal(err)
	}
	p.send(wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{M: map[string]int{pex.Extension: theirPEX}}))
	const victim = "198.51.100.7"
	var m pex.Message
	for i := range 5 {
		for _, inner := range []string{"10.0.0.77", "192.168.0.1", "100.64.0.9", "127.0.0.1"} {
			m.Added = append(m.Added, pex.Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr(inner), uint16(2000+i))})
		}
	}
	m.Added = append(m.Added, pex.Peer{Addr: at("198.51.100.8:22")}, pex.Peer{Addr: at("198.51.100.9:7000")})
	for i := range 20 {
		m.Added = append(m.Added, pex.Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr(victim), uint16(2000+i))})
	}
	p.tell(pex.Append(nil, m))
	eventually(t, "what may be told is dialled", func() bool {
		_, n := o.dialsTo("198.51.100.9")
		_, v := o.dialsTo(victim)
		return n > 0 && v > 0
	})
	eventually(t, "the victim's ports are given up", func() bool { return tor.Stats().Known <= 1 })
	for _, inner := range []string{"10.0.0.77", "192.168.0.1", "100.64.0.9", "127.0.0.1", "198.51.100.8"} {
		if _, n := o.dialsTo(inner); n > 0 {
			t.Errorf("%s was dialled %d times on the word of somebody from outside", inner, n)
		}
	}
	if ports, n := o.dialsTo(victim); ports > netgroup.MaxPorts || n > 10 {
		t.Errorf("%s was dialled %d times at %d ports", victim, n, ports)
	}
}
