package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/tracker/trackertest"
)

// believing is a Handler that takes everybody for an owner of his own address, who
// stays until the connection ends.
type believing struct{ port uint16 }

func (b believing) Greet(c *gather.Conn) (gather.Peer, error) {
	if !c.Hello.Probe {
		c.Send([]byte{byte(b.port >> 8), byte(b.port)})
	}
	port, err := c.Read()
	if err != nil {
		return nil, err
	}
	return believed{c, uint16(port[0])<<8 | uint16(port[1])}, nil
}

func (believing) Broke(error) bool                   { return false }
func (believing) Reached(book.Owner, netip.AddrPort) {}

type believed struct {
	*gather.Conn
	port uint16
}

func (p believed) Who() gather.Who {
	o := p.Remote.Addr().As16()
	return gather.Who{Owner: book.Owner(append(o[:], make([]byte, 16)...)), Port: p.port}
}

func (p believed) Serve() error { return p.Err() }

// join has a Client take part in a swarm.
func join(t *testing.T, c *Client, h metainfo.Hash, f gather.Finding) *gather.Gathering {
	t.Helper()
	self := c.Addr().Addr().As16()
	g := c.Join(gather.Config{
		InfoHash: h, Handler: believing{c.Addr().Port()}, Self: book.Owner(append(self[:], make([]byte, 16)...)),
		Extension: "t", Most: 1 << 10, Finding: f,
	})
	t.Cleanup(g.Close)
	return g
}

// TestJoin: members of two swarms find one another by what each swarm knows: by a
// tracker, by a peer that is named, and on the local network; all over one port.
func TestJoin(t *testing.T) {
	swarmtest.CheckLeaks(t)
	tr := trackertest.NewHTTP(t)
	url := tr.Listen(t, "127.0.0.1:0")
	byTracker, byPeer := metainfo.Hash{1}, metainfo.Hash{2}
	a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	met := func(x *gather.Gathering) func() bool { return func() bool { return len(x.Reached(9)) == 1 } }
	a1, b1 := join(t, a, byTracker, gather.Finding{Trackers: []string{url}}), join(t, b, byTracker, gather.Finding{Trackers: []string{url}})
	eventually(t, "met by the tracker", func() bool { return met(a1)() || met(b1)() })
	var kept []book.Peer
	a2 := join(t, a, byPeer, gather.Finding{Peers: []netip.AddrPort{b.Addr()}, Remember: func(list []book.Peer) { kept = list }})
	b2 := join(t, b, byPeer, gather.Finding{})
	eventually(t, "met by address", met(a2))
	eventually(t, "verified by the other side", met(b2))
	a2.Close()
	if len(kept) != 1 || kept[0].Addr != b.Addr() {
		t.Errorf("remembered %v", kept)
	}
	a1.Close()
	b1.Close()
	var stopped int
	for _, r := range tr.Requests() {
		if r.Query.Get("event") == "stopped" {
			stopped++
		}
	}
	if stopped != 2 {
		t.Errorf("the tracker heard %d stop", stopped)
	}
}

// TestNeighboursJoin: members meet on the local network.
func TestNeighboursJoin(t *testing.T) {
	swarmtest.CheckLeaks(t)
	a, b := neighbour(t), neighbour(t)
	var h metainfo.Hash
	copy(h[:], swarmtest.Bytes(uint64(time.Now().UnixNano()), len(h)))
	x, y := join(t, a, h, gather.Finding{}), join(t, b, h, gather.Finding{})
	eventually(t, "met", func() bool { return len(x.Reached(9))+len(y.Reached(9)) > 0 })
}
