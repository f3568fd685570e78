package swarmtest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// leechFrom serves by b, downloads by Leech, and returns what came of it.
func leechFrom(t *testing.T, tor *Torrent, b Behaviour, patience time.Duration) (good int, err error) {
	t.Helper()
	p := Serve(t, b)
	c := Dial(t, Host(), p.Addr)
	c.Timeout = patience
	// A flood is read slowly here: do not let it pile up in the socket.
	_ = c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	return Leech(ctx, c, tor)
}

func TestHonestSeeder(t *testing.T) {
	CheckLeaks(t)
	for _, kind := range Kinds {
		tor := Make(t, Spec{Kind: kind, Name: "many", Files: someFiles()})
		want := len(blocksOf(tor))
		if good, err := leechFrom(t, tor, Honest(tor), 5*time.Second); err != nil || good != want {
			t.Errorf("%s: got %d of %d blocks, %v", kind, good, want, err)
		}
	}
}

func TestHonestSeederAnswersHashRequests(t *testing.T) {
	for _, kind := range []Kind{V2, Hybrid} {
		tor := MakeFile(t, kind, "f", 300_000, 64<<10)
		c := Dial(t, Host(), Serve(t, Honest(tor)).Addr)
		c.Handshake(t, tor.InfoHash())
		root := tor.Info.Files[0].Root
		tests := []hashing.HashRequest{
			{Root: root, BaseLayer: 0, Index: 4, Length: 4, ProofLayers: 4},
			{Root: root, BaseLayer: 2, Index: 0, Length: 8, ProofLayers: 2},
		}
		for _, r := range tests {
			c.MustSend(t, wire.AppendHashRequest(nil, r))
			got, hashes, uncles, err := wire.ParseHashes(c.Expect(t, wire.MsgHashes))
			if err != nil || got != r || len(hashes) != r.Length || len(uncles) != r.Uncles() {
				t.Errorf("%s: %+v: got %+v, %d, %d, %v", kind, r, got, len(hashes), len(uncles), err)
			}
		}
		c.MustSend(t, wire.AppendHashRequest(nil, hashing.HashRequest{Root: root, Length: 512}))
		if r, err := wire.ParseHashReject(c.Expect(t, wire.MsgHashReject)); err != nil || r.Length != 512 {
			t.Errorf("%s: got %+v, %v", kind, r, err)
		}
	}
}

func TestHonestSeederSendsMetadata(t *testing.T) {
	tor := MakeFile(t, V1, "f", 1<<20, 16<<10)
	c := Dial(t, Host(), Serve(t, Honest(tor)).Addr)
	c.Handshake(t, tor.InfoHash())
	c.MustSend(t, wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{M: map[string]int{wire.ExtMetadata: 9}}))
	id, body, err := wire.ParseExtended(c.Expect(t, wire.MsgExtended))
	if err != nil || id != 0 {
		t.Fatalf("got extended %d, %v", id, err)
	}
	h, err := wire.ParseExtendedHandshake(body)
	if err != nil || h.MetadataSize != len(tor.Info.Raw) || h.M[wire.ExtMetadata] != extMetadata {
		t.Fatalf("got %+v, %v", h, err)
	}
	c.MustSend(t, wire.AppendMetadata(nil, extMetadata, wire.Metadata{}))
	id, body, _ = wire.ParseExtended(c.Expect(t, wire.MsgExtended))
	if m, err := wire.ParseMetadata(body); err != nil || id != 9 || string(m.Data) != string(tor.Info.Raw) {
		t.Errorf("got extended %d, %d bytes, %v", id, len(m.Data), err)
	}
	c.MustSend(t, wire.AppendMetadata(nil, extMetadata, wire.Metadata{Piece: 7}))
	_, body, _ = wire.ParseExtended(c.Expect(t, wire.MsgExtended))
	if m, err := wire.ParseMetadata(body); err != nil || m.Type != wire.MetadataReject || m.Piece != 7 {
		t.Errorf("got %+v, %v", m, err)
	}
}

// TestHostile shows what a strict downloader sees of each bad peer.
func TestHostile(t *testing.T) {
	CheckLeaks(t)
	tor := MakeFile(t, Hybrid, "f", 512<<10, 64<<10)
	want := make(map[string]error)
	for _, name := range strings.Split("corrupt every block,corrupt every 7th block,corrupt after 20 blocks,blocks shifted by a byte,blocks from elsewhere,all zeros", ",") {
		want[name] = ErrBadBlock
	}
	for _, name := range strings.Split("flood of unasked blocks,every block three times,an unasked block before each", ",") {
		want[name] = ErrUnasked
	}
	for _, name := range strings.Split("choke after each block,rejects all,flood of rejects never asked for", ",") {
		want[name] = ErrRejected
	}
	want["another infohash"] = errWrongInfoHash
	want["garbage"] = wire.ErrNotBitTorrent
	for _, bad := range Hostile() {
		t.Run(bad.Name, func(t *testing.T) {
			t.Parallel()
			good, err := leechFrom(t, tor, bad.Make(tor), 500*time.Millisecond)
			if w := want[bad.Name]; w != nil && !errors.Is(err, w) {
				t.Errorf("got %d blocks, %v, want %v", good, err, w)
			}
			if honestToLeech(bad.Name) && err != nil {
				t.Errorf("got %d blocks, %v, want all", good, err)
			}
			if endsForLeech(bad.Name) && (err == nil || good > 5) {
				t.Errorf("got %d blocks, %v, want an early end", good, err)
			}
		})
	}
}

// honestToLeech names what Leech takes no harm from: it skips messages that
// are not for it.
func honestToLeech(name string) bool {
	for _, prefix := range []string{"metadata", "hashes", "extended handshake", "late bitfield", "haves one by one",
		"flood of keep-alives", "flood of haves", "flood of cancels", "have out of range", "bitfield", "our own handshake"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// endsForLeech names what ends a download early, by silence or by leaving.
func endsForLeech(name string) bool {
	for _, n := range []string{"vanish mid block", "reset mid block", "stall mid block", "stall after 5 blocks", "slow, 2 KiB/s", "never unchokes", "never serves", "silent accept",
		"slow handshake", "silent after the handshake"} {
		if n == name {
			return true
		}
	}
	return false
}

func TestHostileNamesAreDistinct(t *testing.T) {
	seen := make(map[string]bool)
	for _, bad := range Hostile() {
		if seen[bad.Name] || bad.Make == nil {
			t.Errorf("%q twice, or empty", bad.Name)
		}
		seen[bad.Name] = true
	}
	if len(seen) < 60 {
		t.Errorf("%d behaviours", len(seen))
	}
}

func TestSeedModeAnswersAfterARequest(t *testing.T) {
	tor := MakeFile(t, V2, "f", 300_000, 64<<10)
	c := Dial(t, Host(), Serve(t, SeedMode(tor)).Addr)
	c.Handshake(t, tor.InfoHash())
	r := hashing.HashRequest{Root: tor.Info.Files[0].Root, Index: 4, Length: 4, ProofLayers: 4}
	c.MustSend(t, wire.AppendHashRequest(nil, r))
	c.Expect(t, wire.MsgHashReject)
	c.MustSend(t, wire.AppendInterested(nil))
	c.Expect(t, wire.MsgUnchoke)
	c.MustSend(t, wire.AppendHashRequest(wire.AppendRequest(nil, wire.Block{Index: 1, Length: hashing.BlockSize}), r))
	c.Expect(t, wire.MsgPiece)
	c.Expect(t, wire.MsgHashes)
}

func TestConnectDialsAgain(t *testing.T) {
	CheckLeaks(t)
	tor := MakeFile(t, V1, "f", 1<<20, 64<<10)
	p := Serve(t, func(ctx context.Context, c *Conn) error {
		c.Timeout = 5 * time.Second
		_, err := Leech(ctx, c, tor)
		return err
	})
	Connect(t, Host(), p.Addr, Honest(tor))
	if !poll(10*time.Second, func() bool { all, _ := p.Conns(); return all >= 2 }) {
		t.Error("dialled only once in 10 s")
	}
}

func TestConnExpects(t *testing.T) {
	p := Serve(t, func(_ context.Context, c *Conn) error {
		msg := wire.AppendHave(wire.AppendUnchoke(wire.AppendKeepAlive(nil)), 7)
		return c.Send(wire.AppendHave(msg, 8))
	})
	c := Dial(t, netip.Addr{}, p.Addr)
	c.ExpectNext(t, wire.AppendUnchoke(nil))
	if i, err := wire.ParseHave(c.Expect(t, wire.MsgHave)); err != nil || i != 7 {
		t.Errorf("got %d, %v", i, err)
	}
	c.ExpectClosed(t)
	if _, err := c.ReadMsg(); err == nil {
		t.Error("ReadMsg after the end: no error")
	}
}

func TestHostsAndPorts(t *testing.T) {
	seen := make(map[netip.Addr]bool)
	for range 1000 {
		h := Host()
		if seen[h] || !h.IsLoopback() || h == netip.MustParseAddr("127.0.0.1") {
			t.Fatalf("host %v", h)
		}
		seen[h] = true
	}
	h := Host()
	if p := FreePorts(t, h, 3); tryPorts(h, int(p), 3) != nil {
		t.Errorf("ports from %d on are taken", p)
	}
}
