package swarm

import (
	"bytes"
	"context"
	"net/netip"
	"sync"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// asked remembers the requests that a scripted peer was sent, in order.
type asked struct {
	mu   sync.Mutex
	msgs []any // wire.Block or hashing.HashRequest
}

func (a *asked) add(m any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.msgs = append(a.msgs, m)
}

// leaves are the requests for leaf hashes.
func (a *asked) leaves() (out []hashing.HashRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.msgs {
		if q, ok := m.(hashing.HashRequest); ok && q.BaseLayer == 0 {
			out = append(out, q)
		}
	}
	return out
}

// TestLeavesOfSeveralPieces reads a file in order: a peer that answered for one
// piece is asked for the leaves of several, unless it refuses that.
func TestLeavesOfSeveralPieces(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V2, "file", 6<<20+5, 64<<10)
	const per = 4 // leaves of a piece
	for name, refuse := range map[string]bool{"answered": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			var got asked
			sd := &swarmtest.Seeder{Torrent: tor, Hashes: func(s *swarmtest.Session, q hashing.HashRequest) error {
				got.add(q)
				if refuse && q.BaseLayer == 0 && q.Length > per {
					return s.Send(wire.AppendHashReject(nil, q))
				}
				return s.SendHashes(q)
			}}
			c := client(t, swarmtest.Host().String())
			at := swarmtest.Serve(t, sd.Behave).Addr
			r := add(t, c, Spec{MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open, Peers: []netip.AddrPort{at}}).NewReader(0)
			defer r.Close()
			buf := make([]byte, 48<<10)
			for off := int64(0); off < int64(len(tor.Space)); off += int64(len(buf)) {
				n, err := r.ReadAt(soon(t), buf, off)
				if !bytes.Equal(buf[:n], tor.Space[off:off+int64(n)]) || n == 0 {
					t.Fatalf("at %d: %d bytes, %v", off, n, err)
				}
			}
			wide := 0
			for _, q := range got.leaves() {
				if q.Length > per {
					wide++
				}
			}
			if wide == 0 || refuse && wide > 4 {
				t.Errorf("%d of %d requests for leaves were for several pieces", wide, len(got.leaves()))
			}
			t.Logf("%d requests for leaves, %d of them for several pieces", len(got.leaves()), wide)
		})
	}
}

// TestLeavesAreKept reads a piece that was evicted: its leaves are not asked
// for again.
func TestLeavesAreKept(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V2, "file", 1<<20, 256<<10)
	var got asked
	sd := &swarmtest.Seeder{Torrent: tor, Hashes: func(s *swarmtest.Session, q hashing.HashRequest) error {
		got.add(q)
		return s.SendHashes(q)
	}}
	c := client(t, swarmtest.Host().String())
	held := &memory{}
	tt := add(t, c, Spec{MetaInfo: tor.Meta, Storage: held.open, Peers: []netip.AddrPort{swarmtest.Serve(t, sd.Behave).Addr}})
	check(t, tt, tor.Space)
	eventually(t, "all stored", func() bool { return tt.Stats().Left == 0 })
	before := len(got.leaves())
	for i := range 4 {
		held.drop(i)
		tt.Evicted(i)
	}
	check(t, tt, tor.Space)
	if after := len(got.leaves()); before == 0 || after != before {
		t.Errorf("leaves were asked for %d times, then %d times", before, after-before)
	}
}

// TestChokedButAllowed reads a piece that a peer gives although it chokes us
// (BEP 6): its first block and the proof are asked for together.
func TestChokedButAllowed(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V2, "file", 1<<20, 256<<10)
	var got asked
	const fast = 2
	sd := &swarmtest.Seeder{
		Torrent: tor,
		Greet: func(_ context.Context, s *swarmtest.Session) error {
			return s.Send(wire.AppendAllowedFast(wire.AppendHaveAll(nil), fast))
		},
		Admit: func(*swarmtest.Session) error { return nil }, // never unchokes
		Request: func(s *swarmtest.Session, b wire.Block) error {
			got.add(b)
			if b.Index != fast {
				return s.Reject(b)
			}
			return s.SendBlock(b, s.Data(b))
		},
		Hashes: func(s *swarmtest.Session, q hashing.HashRequest) error {
			got.add(q)
			return s.SendHashes(q)
		},
	}
	c := client(t, swarmtest.Host().String())
	r := add(t, c, Spec{
		MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open,
		Peers: []netip.AddrPort{swarmtest.Serve(t, sd.Behave).Addr},
	}).NewReader(0)
	defer r.Close()
	buf := make([]byte, 4096)
	if _, err := r.ReadAt(soon(t), buf, fast*256<<10+9); err != nil || !bytes.Equal(buf, tor.Space[fast*256<<10+9:][:4096]) {
		t.Fatalf("%v, or other bytes", err)
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	for i, m := range got.msgs {
		if b, ok := m.(wire.Block); ok {
			q, ok := got.msgs[i+1].(hashing.HashRequest)
			if b.Index != fast || !ok || q.BaseLayer != 0 {
				t.Errorf("first %+v was asked for, then %+v", b, got.msgs[i+1])
			}
			break
		}
	}
}

// TestEveryHashRefused reads from a peer that rejects all hash requests: whole
// pieces where something else says what they must be, else from another peer.
func TestEveryHashRefused(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V2, swarmtest.Hybrid} {
		tor := swarmtest.MakeFile(t, kind, "file", 1<<20+5, 256<<10)
		for name, c := range map[string]struct{ layers, beside bool }{
			"layers known": {layers: true}, "layers not known": {}, "layers not known, another peer": {beside: true},
		} {
			if kind == swarmtest.V2 && !c.layers && !c.beside {
				continue // nothing could be verified
			}
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				meta := &metainfo.MetaInfo{Info: tor.Info}
				if c.layers {
					meta = tor.Meta
				}
				peers := []netip.AddrPort{swarmtest.Serve(t, swarmtest.HashesRejected(tor)).Addr}
				if c.beside {
					peers = append(peers, swarmtest.Serve(t, swarmtest.Honest(tor)).Addr)
				}
				check(t, add(t, client(t, swarmtest.Host().String()), Spec{MetaInfo: meta, Storage: (&memory{}).open, Peers: peers}), tor.Files[0].Data)
			})
		}
	}
}

// TestReadFromSeedMode reads here and there from a seeder that, as libtorrent in
// seed mode, knows the leaves of a piece only once a block of it was asked for.
func TestReadFromSeedMode(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V2, "file", 4<<20, 256<<10)
	tt := add(t, client(t, swarmtest.Host().String()), Spec{
		MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open,
		Peers: []netip.AddrPort{swarmtest.Serve(t, swarmtest.SeedMode(tor)).Addr},
	})
	r := tt.NewReader(0)
	defer r.Close()
	const reads = 12
	buf := make([]byte, 4096)
	for i := range reads {
		off := int64(i*5%16)<<18 + 100_000
		if _, err := r.ReadAt(soon(t), buf, off); err != nil || !bytes.Equal(buf, tor.Space[off:off+4096]) {
			t.Fatalf("at %d: %v, or other bytes", off, err)
		}
	}
	eventually(t, "stats", func() bool { return tt.Stats().Received > 0 })
	if n := tt.Stats().Received; n > 2*reads*hashing.BlockSize {
		t.Errorf("fetched %d bytes for %d reads", n, reads)
	}
}
