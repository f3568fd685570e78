package swarm

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// silent makes n connections from an address that send what they are given and
// nothing more.
func silent(t *testing.T, n int, from string, to netip.AddrPort, say []byte) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	for range n {
		conn, err := d.DialContext(soon(t), "tcp", to.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write(say); err != nil {
			t.Fatal(err)
		}
	}
}

// answers reports whether a handshake from an address is answered in time, and
// keeps its connection.
func answers(t *testing.T, from string, to netip.AddrPort, infoHash metainfo.Hash) bool {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(soon(t), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	hs := wire.Handshake{InfoHash: infoHash, PeerID: [20]byte{1: 9}}
	copy(hs.PeerID[2:], from)
	hs.SetExtended()
	conn.Write(wire.AppendHandshake(nil, hs))
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	var b [wire.HandshakeLen]byte
	_, err = io.ReadFull(conn, b[:])
	return err == nil
}

// TestSilentConnections: connections that say nothing, or only whose drive they
// mean, shut out nobody, be they from one address or from ten.
func TestSilentConnections(t *testing.T) {
	store, err := store.Open(filepath.Join(t.TempDir(), "catalog.db"), drive.OpenKey("x").Rendezvous(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c, err := New(Config{Listen: "127.0.0.2:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := drive.New(drive.Config{
		Key: drive.OpenKey("x"), Identity: catalog.IdentityFromSeed([32]byte{1}), Name: "m", Store: store, Client: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	v1, _ := torrents(t, randomBytes(1000), 16<<10)
	add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open, Announce: Never})
	hs := wire.Handshake{InfoHash: metainfo.Hash(d.Rendezvous()), PeerID: [20]byte{7}}
	hs.SetExtended()
	half := wire.AppendHandshake(nil, hs)
	check := func(what string, host int) {
		t.Helper()
		for i, h := range []metainfo.Hash{v1.Info.HashV1, metainfo.Hash(d.Rendezvous())} {
			if !answers(t, fmt.Sprintf("127.0.8.%d", host+i), c.Addr(), h) {
				t.Errorf("%s: no answer to the %d. honest one", what, i+1)
			}
		}
	}
	silent(t, 45, "127.0.7.1", c.Addr(), nil)
	check("45 of one address", 1)
	silent(t, 45, "127.0.7.2", c.Addr(), half)
	check("45 more of another, for the drive", 3)
	for i := range 10 {
		silent(t, 4, fmt.Sprintf("127.0.7.%d", 10+i), c.Addr(), half[:20])
	}
	check("four of each of ten more", 5)
	if n := c.door.HalfOpen(); n > 40 {
		t.Errorf("%d connections without a handshake", n)
	}
	began := time.Now()
	c.Close()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("closing took %v", d)
	}
}
