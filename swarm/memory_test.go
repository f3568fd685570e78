package swarm

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand"
	"os"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// memory is a Storage in memory.
type memory struct {
	mu     sync.Mutex
	pieces map[int][]byte
	fail   error // WritePiece returns it
}

func (m *memory) Has(i int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pieces[i] != nil
}

func (m *memory) ReadAt(p []byte, i int, begin int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pieces[i] == nil {
		return 0, ErrMissing
	}
	return copy(p, m.pieces[i][begin:]), nil
}

func (m *memory) WritePiece(i int, blocks [][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.pieces[i] = bytes.Join(blocks, nil)
	return nil
}

func (m *memory) Close() error { return nil }

func (m *memory) drop(i int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pieces, i)
}

// open makes a Spec's Storage of an empty memory.
func (m *memory) open(*metainfo.MetaInfo) (Storage, error) {
	if m.pieces == nil {
		m.pieces = map[int][]byte{}
	}
	return m, nil
}

// full is a memory that holds the payload of a one-file torrent.
func full(info *metainfo.Info, payload []byte) *memory {
	m := &memory{pieces: map[int][]byte{}}
	for i := range info.Pieces.Count() {
		from := int64(i) * info.PieceLength
		m.pieces[i] = payload[from : from+int64(info.Pieces.Size(i))]
	}
	return m
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(b)
	return b
}

// torrents makes a v1 and a v2 torrent of the same payload.
func torrents(t testing.TB, payload []byte, pieceLength int64) (v1, v2 *metainfo.MetaInfo) {
	t.Helper()
	h, err := hashing.File(context.Background(), bytes.NewReader(payload), hashing.Config{PieceLength: pieceLength, Length: int64(len(payload))}, nil)
	if err != nil {
		t.Fatal(err)
	}
	i1, err := metainfo.BuildV1("payload.bin", int64(len(payload)), pieceLength, h.Pieces, metainfo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	i2, err := metainfo.BuildV2("payload.bin", int64(len(payload)), pieceLength, h.Root, metainfo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &metainfo.MetaInfo{Info: i1}, &metainfo.MetaInfo{Info: i2, Layers: metainfo.Layers{h.Root: h.Layer}}
}

// client starts a Client on a loopback address of its own.
func client(t testing.TB, host string) *Client {
	t.Helper()
	cfg := Config{Listen: host + ":0"}
	if os.Getenv("P2PFS_TEST_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("on", host)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func add(t testing.TB, c *Client, s Spec) *Torrent {
	t.Helper()
	tor, err := c.Add(s)
	if err != nil {
		t.Fatal(err)
	}
	return tor
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
