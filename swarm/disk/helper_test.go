package disk

import (
	"bytes"
	"context"
	"crypto/sha1"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

const pieceLength = 32 << 10

// content is what a test torrent consists of: by path, nil for a directory.
type content map[string][]byte

// random returns n reproducible bytes.
func random(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	p := make([]byte, n)
	rand.NewChaCha8(key).Read(p)
	return p
}

// tree is content with all kinds of lengths and places.
func tree() content {
	return content{
		"a":                random(1, 100_000),
		"b/small":          random(2, 10),
		"b/empty":          {},
		"b/piece":          random(3, pieceLength),
		"c/d/e/long":       random(4, 5*pieceLength+1),
		"c/d/sparse":       append(append(random(5, pieceLength), make([]byte, 4*pieceLength)...), random(6, 100)...),
		"name with spaces": random(7, 3*hashing.BlockSize),
		"ümlaut":           random(8, 1),
	}
}

// write puts content below dir, which it makes.
func (c content) write(t testing.TB, dir string) {
	t.Helper()
	for name, data := range c {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o777))
		must(t, os.WriteFile(path, data, 0o666))
	}
}

// want fails unless dir holds the content and nothing else.
func (c content) want(t testing.TB, dir string) {
	t.Helper()
	seen := 0
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		want, ok := c[filepath.ToSlash(name)]
		got, err := os.ReadFile(path)
		if !ok || err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v, want %d, wanted %v, or other bytes", name, len(got), err, len(want), ok)
		}
		seen++
		return nil
	}))
	if seen != len(c) {
		t.Errorf("%d files, want %d", seen, len(c))
	}
}

// kind is a version of torrent.
type kind struct {
	name   string
	v1, v2 bool
}

var kinds = []kind{{"v1", true, false}, {"v2", false, true}, {"hybrid", true, true}}

// torrent makes a torrent of c, named "t", and returns where its content lies.
func (c content) torrent(t testing.TB, k kind) (m *metainfo.MetaInfo, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "t")
	c.write(t, dir)
	return create(t, k, dir), dir
}

func create(t testing.TB, k kind, path string) *metainfo.MetaInfo {
	t.Helper()
	m, err := metainfo.Create(context.Background(), path, metainfo.CreateOptions{V1: k.v1, V2: k.v2, PieceLength: pieceLength})
	must(t, err)
	return m
}

// file makes a torrent of one file named "f" and returns where it lies.
func file(t testing.TB, k kind, data []byte) (m *metainfo.MetaInfo, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, data, 0o666))
	return create(t, k, path), path
}

// padded makes a version 1 torrent with pad files within and at the end.
func padded(t testing.TB, c content, order ...string) *metainfo.MetaInfo {
	t.Helper()
	var space []byte
	var files []any
	for _, name := range order {
		space = append(space, c[name]...)
		files = append(files, map[string]any{"length": len(c[name]), "path": []string{name}})
		if pad := -len(space) & (pieceLength - 1); pad > 0 {
			space = append(space, make([]byte, pad)...)
			files = append(files, map[string]any{"attr": "p", "length": pad, "path": []string{".pad", name}})
		}
	}
	var pieces []byte
	for p := space; len(p) > 0; p = p[pieceLength:] {
		sum := sha1.Sum(p[:pieceLength])
		pieces = append(pieces, sum[:]...)
	}
	raw, err := bencode.Marshal(map[string]any{"name": "t", "piece length": pieceLength, "pieces": string(pieces), "files": files})
	must(t, err)
	info, err := metainfo.ParseInfo(raw)
	must(t, err)
	return &metainfo.MetaInfo{Info: info}
}

// open opens a storage that the end of the test closes.
func open(t testing.TB, cfg Config) *Disk {
	t.Helper()
	d, err := Open(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func check(t testing.TB, d *Disk) {
	t.Helper()
	must(t, d.Check(context.Background(), nil))
}

// blocksOf reads a piece from d as blocks.
func blocksOf(t testing.TB, d *Disk, piece int) (blocks [][]byte) {
	t.Helper()
	p := make([]byte, d.info.Pieces.Size(piece))
	if n, err := d.ReadAt(p, piece, 0); err != nil || n != len(p) {
		t.Fatalf("piece %d: %d bytes, %v", piece, n, err)
	}
	for b := range d.info.Pieces.Blocks(piece) {
		n := d.info.Pieces.BlockLen(piece, b)
		blocks = append(blocks, p[:n:n])
		p = p[n:]
	}
	return blocks
}

// fetch copies the pieces that d lacks from seed, in random order.
func fetch(t testing.TB, d, seed *Disk) (copied int) {
	t.Helper()
	for _, p := range rand.New(rand.NewPCG(1, 2)).Perm(d.info.Pieces.Count()) {
		if d.Has(p) {
			continue
		}
		if err := d.WritePiece(p, blocksOf(t, seed, p)); err != nil {
			t.Fatalf("WritePiece(%d): %v", p, err)
		}
		copied++
	}
	return copied
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// age sets a file's mtime to an hour ago.
func age(t testing.TB, path string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(path, old, old))
}
