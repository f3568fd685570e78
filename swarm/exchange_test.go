package swarm

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// theirPEX is the id that a talker wants ut_pex under.
const theirPEX = 9

// talker is a scripted peer that speaks ut_pex.
type talker struct {
	*swarmtest.Conn
	t *testing.T
}

// talk connects to a client as a peer of a torrent that listens on a port.
func talk(t *testing.T, c *Client, h metainfo.Hash, port int) talker {
	t.Helper()
	p := talker{swarmtest.Dial(t, swarmtest.Host(), c.Addr()), t}
	hs := wire.Handshake{InfoHash: h, PeerID: swarmtest.PeerID()}
	hs.SetExtended()
	hs.SetFast()
	if err := p.SendHandshake(hs); err != nil {
		t.Fatal(err)
	}
	if _, err := p.ReadHandshake(); err != nil {
		t.Fatal(err)
	}
	p.send(wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{M: map[string]int{pex.Extension: theirPEX}, Port: port}))
	p.send(wire.AppendHaveNone(nil))
	return p
}

func (p talker) send(msg []byte) {
	p.t.Helper()
	if err := p.Send(msg); err != nil {
		p.t.Fatal(err)
	}
}

// next reads the next extended message of an id.
func (p talker) next(id byte) []byte {
	p.t.Helper()
	for {
		m, err := p.ReadMsg()
		if err != nil {
			p.t.Fatal(err)
		}
		if m.ID != wire.MsgExtended || m.KeepAlive {
			continue
		}
		if got, body, err := wire.ParseExtended(m.Payload); err == nil && got == id {
			return body
		}
	}
}

// offered returns the id that the client wants ut_pex under.
func (p talker) offered() int {
	p.t.Helper()
	h, err := wire.ParseExtendedHandshake(p.next(0))
	if err != nil {
		p.t.Fatal(err)
	}
	return h.M[pex.Extension]
}

// tell sends a ut_pex message.
func (p talker) tell(body []byte) { p.send(wire.AppendExtended(nil, extPEX, body)) }

// told reads a ut_pex message.
func (p talker) told() pex.Message {
	p.t.Helper()
	m, err := pex.Parse(p.next(theirPEX))
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// gone waits until the client has closed the connection.
func (p talker) gone() {
	p.t.Helper()
	for {
		_, err := p.ReadMsg()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatal("still connected")
		}
		if err != nil {
			return
		}
	}
}

// asPrivate is a torrent of one file with private set (BEP 27).
func asPrivate(t *testing.T, m *metainfo.MetaInfo) *metainfo.MetaInfo {
	t.Helper()
	raw := append(slices.Clone(m.Info.Raw[:len(m.Info.Raw)-1]), "7:privatei1ee"...)
	info, err := metainfo.ParseInfo(raw)
	if err != nil || !info.Private {
		t.Fatalf("%q: %v", raw, err)
	}
	return &metainfo.MetaInfo{Info: info}
}

// hungryOne is a leecher of a torrent that nobody seeds, so that nobody leaves.
func hungryOne(t *testing.T, c *Client, m *metainfo.MetaInfo, peers ...netip.AddrPort) *Torrent {
	t.Helper()
	return add(t, c, Spec{MetaInfo: m, Storage: (&memory{}).open, Everything: true, Announce: Never, Peers: peers})
}

// TestPEXBringsPeersTogether has two leechers that know a third only.
func TestPEXBringsPeersTogether(t *testing.T) {
	t.Parallel()
	m, _ := torrents(t, randomBytes(100_001), 64<<10)
	hub, a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	hungryOne(t, hub, m)
	atA, atB := hungryOne(t, a, m, hub.Addr()), hungryOne(t, b, m, hub.Addr())
	eventually(t, "all are connected to both others", func() bool { return atA.Stats().Peers == 2 && atB.Stats().Peers == 2 })
}

// TestNoPEX has the same three without it.
func TestNoPEX(t *testing.T) {
	t.Parallel()
	m, _ := torrents(t, randomBytes(100_002), 64<<10)
	hub, err := New(Config{Listen: swarmtest.Host().String() + ":0", NoPEX: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	h := m.Info.InfoHashes()[0]
	hungryOne(t, hub, m)
	p := talk(t, hub, h, 4000)
	if id := p.offered(); id != 0 {
		t.Errorf("offers ut_pex as %d", id)
	}
	p.tell([]byte("not even bencode")) // nobody listens
	eventually(t, "connected", func() bool { return hub.Torrent(h).Stats().Peers == 1 })
}

func TestPEXTellsWhoIsThere(t *testing.T) {
	t.Parallel()
	m, _ := torrents(t, randomBytes(100_003), 64<<10)
	c := client(t, swarmtest.Host().String())
	hungryOne(t, c, m)
	h := m.Info.InfoHashes()[0]
	p, q := talk(t, c, h, 4001), talk(t, c, h, 4002)
	talk(t, c, h, 0) // does not tell where it listens
	addr := func(p talker, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(p.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Addr().Unmap(), port)
	}
	if got, want := p.told(), []pex.Peer{{Addr: addr(q, 4002)}}; !slices.Equal(got.Added, want) || got.Dropped != nil {
		t.Errorf("the first was told %+v, want %v", got, want)
	}
	if got, want := q.told(), []pex.Peer{{Addr: addr(p, 4001)}}; !slices.Equal(got.Added, want) || got.Dropped != nil {
		t.Errorf("the second was told %+v, want %v", got, want)
	}
}

func TestPEXIsTakenIn(t *testing.T) {
	t.Parallel()
	m, _ := torrents(t, randomBytes(100_004), 64<<10)
	c := client(t, swarmtest.Host().String())
	tor := hungryOne(t, c, m)
	p := talk(t, c, m.Info.InfoHashes()[0], 0)
	if id := p.offered(); id != extPEX {
		t.Fatalf("offers ut_pex as %d, want %d", id, extPEX)
	}
	// One that answers, our own address, and one that is no address.
	other := swarmtest.Serve(t, swarmtest.Honest(swarmtest.MakeFile(t, swarmtest.V1, "x", 1, 16<<10)))
	body := pex.Append(nil, pex.Message{Added: []pex.Peer{{Addr: other.Addr}, {Addr: c.Addr()}, {Addr: at("127.0.0.7:0")}}})
	p.tell(body)
	eventually(t, "the one is dialled", func() bool { all, _ := other.Conns(); return all == 1 })
	eventually(t, "nobody else is known", func() bool { return tor.Stats().Known == 1 })
}

func TestPEXThatBreaksTheRules(t *testing.T) {
	t.Parallel()
	m, _ := torrents(t, randomBytes(100_005), 64<<10)
	c := client(t, swarmtest.Host().String())
	tor := hungryOne(t, c, m)
	h := m.Info.InfoHashes()[0]
	for name, body := range map[string]string{
		"odd length": "d5:added7:aaaaaaae", "no bencode": "x", "empty": "", "deep": "d1:x" + string(slices.Repeat([]byte("l"), 9000)),
		"another type": "d5:addedi1ee", "huge": "d5:added1000000:" + string(make([]byte, 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			p := talk(t, c, h, 0)
			p.offered()
			p.tell([]byte(body))
			p.gone()
		})
	}
	t.Run("flood", func(t *testing.T) {
		p := talk(t, c, h, 0)
		p.offered()
		for i := range 100 {
			var list []pex.Peer
			for j := range pex.MaxEntries {
				list = append(list, pex.Peer{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i), byte(j)}), 9)})
			}
			if p.Send(wire.AppendExtended(nil, extPEX, pex.Append(nil, pex.Message{Added: list}))) != nil {
				break
			}
		}
		p.gone()
	})
	if n := tor.Stats().Known; n > 2*pex.MaxEntries {
		t.Errorf("%d addresses of a flood were taken in, want %d at most", n, 2*pex.MaxEntries)
	}
	if n := guard.Total(); n > 0 {
		t.Errorf("%d panics", n)
	}
}

// TestPrivateHasNoPEX has a private torrent neither tell nor listen (BEP 27).
func TestPrivateHasNoPEX(t *testing.T) {
	t.Parallel()
	m, _ := torrents(t, randomBytes(100_006), 64<<10)
	m = asPrivate(t, m)
	c := client(t, swarmtest.Host().String())
	tor := hungryOne(t, c, m)
	p := talk(t, c, m.Info.InfoHashes()[0], 0)
	talk(t, c, m.Info.InfoHashes()[0], 4003)
	if id := p.offered(); id != 0 {
		t.Errorf("offers ut_pex as %d", id)
	}
	p.tell(pex.Append(nil, pex.Message{Added: []pex.Peer{{Addr: at("127.0.0.7:9009")}}}))
	p.Timeout = pex.FirstDelay + time.Second
	for {
		m, err := p.ReadMsg()
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if id, _, _ := wire.ParseExtended(m.Payload); m.ID == wire.MsgExtended && id == theirPEX {
			t.Fatal("told of peers")
		}
	}
	if n := tor.Stats().Known; n != 0 { // not even who told where it listens
		t.Errorf("%d known, want 0", n)
	}
}

// TestMagnetOfPrivateTorrent takes a torrent for public until its metadata says
// otherwise, and then leaves who came by PEX.
func TestMagnetOfPrivateTorrent(t *testing.T) {
	t.Parallel()
	payload := randomBytes(100_007)
	m, _ := torrents(t, payload, 64<<10)
	m = asPrivate(t, m)
	magnet := m.Magnet()
	c := client(t, swarmtest.Host().String())
	tor := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Everything: true})
	p := talk(t, c, m.Info.InfoHashes()[0], 0)
	if id := p.offered(); id != extPEX {
		t.Errorf("before the metadata: ut_pex is %d, want %d", id, extPEX)
	}
	silent := swarmtest.Serve(t, swarmtest.Honest(swarmtest.MakeFile(t, swarmtest.V1, "x", 1, 16<<10)))
	p.tell(pex.Append(nil, pex.Message{Added: []pex.Peer{{Addr: silent.Addr}, {Addr: at("127.0.0.7:9009")}}}))
	eventually(t, "it is told of two", func() bool { return tor.Stats().Known == 2 })

	seeder := client(t, swarmtest.Host().String())
	add(t, seeder, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
	tor.AddPeers([]netip.AddrPort{seeder.Addr()})
	if err := tor.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	if id := p.offered(); id != 0 {
		t.Errorf("after the metadata: ut_pex is %d, want 0", id)
	}
	eventually(t, "only the caller's is known", func() bool { return tor.Stats().Known == 1 })
}
