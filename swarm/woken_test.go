package swarm

import (
	"fmt"
	"net"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// TestWokenTorrentsAreBounded has a stranger shake hands for a thousand
// infohashes, one after the other, and another peer stay in one of them.
func TestWokenTorrentsAreBounded(t *testing.T) {
	payload := randomBytes(20_000)
	byHash := map[metainfo.Hash]*metainfo.MetaInfo{}
	var hashes []metainfo.Hash
	for i := range 1000 {
		info, err := metainfo.BuildV1(fmt.Sprint("file ", i), int64(len(payload)), 64<<10, make([]metainfo.Hash, 1), metainfo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		byHash[info.HashV1] = &metainfo.MetaInfo{Info: info}
		hashes = append(hashes, info.HashV1)
	}
	c, err := New(Config{Listen: "127.0.0.2:0", Lookup: func(ih metainfo.Hash) (Spec, bool) {
		m := byHash[ih]
		if m == nil {
			return Spec{}, false
		}
		return Spec{MetaInfo: m, Storage: full(m.Info, payload).open, Announce: Never, Idle: time.Hour}, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	shake := func(ih metainfo.Hash) net.Conn {
		conn, err := net.Dial("tcp", c.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		hs := wire.Handshake{InfoHash: ih, PeerID: [20]byte{'x'}}
		if _, err := conn.Write(wire.AppendHandshake(nil, hs)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 68)); err != nil {
			t.Fatalf("no handshake: %v", err)
		}
		return conn
	}
	stays := shake(hashes[0])
	defer stays.Close()
	eventually(t, "the peer that stays joins", func() bool {
		tor := c.Torrent(hashes[0])
		return tor != nil && tor.Stats().Peers == 1
	})
	for _, ih := range hashes[1:] {
		shake(ih).Close()
	}
	eventually(t, "idle torrents end", func() bool { return len(c.Torrents()) <= 210 })
	if tor := c.Torrent(hashes[0]); tor == nil || tor.Err() != nil {
		t.Error("the torrent of the peer that stays has ended")
	}
}
