package disk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"p2pfs/swarm/metainfo"
)

func TestProgress(t *testing.T) {
	c := tree()
	m, dir := c.torrent(t, kinds[0])
	must(t, os.Truncate(filepath.Join(dir, "c/d/e/long"), pieceLength)) // the rest cannot be hashed
	d := open(t, Config{MetaInfo: m, Data: dir})
	var last, of int64
	calls := 0
	must(t, d.Check(context.Background(), func(done, total int64) {
		if done <= last || done > total || of != 0 && total != of {
			t.Errorf("progress: %d of %d after %d of %d", done, total, last, of)
		}
		last, of = done, total
		calls++
	}))
	if last != of || of >= m.Info.Length() || calls == 0 {
		t.Errorf("progress ended at %d of %d in %d calls; the torrent has %d", last, of, calls, m.Info.Length())
	}
	must(t, d.Check(context.Background(), func(done, total int64) { t.Errorf("second Check hashes %d of %d", done, total) }))
}

func TestCancel(t *testing.T) {
	data := random(1, 50*pieceLength)
	m, path := file(t, kinds[1], data)
	d := open(t, Config{MetaInfo: m, Data: path})
	ctx, cancel := context.WithCancel(context.Background())
	err := d.Check(ctx, func(done, _ int64) {
		if done >= 10*pieceLength {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || d.Have() < 10 || d.Have() > 20 {
		t.Errorf("got %v and %d pieces, want Canceled and those of before", err, d.Have())
	}
	check(t, d)
	if !d.Complete() {
		t.Errorf("Check after a cancelled one: %d pieces", d.Have())
	}
}

// TestPairs compares two pieces hashed at once with each by itself, and checks
// files of which every third piece is wrong.
func TestPairs(t *testing.T) {
	c := content{"a": random(1, 7), "b": random(2, 2*pieceLength), "c": random(3, 20*pieceLength+5), "d": random(4, pieceLength/2)}
	for _, k := range kinds {
		m, dir := c.torrent(t, k)
		d := open(t, Config{MetaInfo: m, Data: dir})
		s, n := newSummer(d), m.Info.Pieces.Count()
		pairs := 0
		for a := range n {
			one, err := s.sum(a)
			must(t, err)
			if d.proofs.judge(a, one) != good {
				t.Errorf("%s: piece %d does not verify", k.name, a)
			}
			b := (a + 3) % n
			if !s.pairs(a, b) {
				continue
			}
			pairs++
			other, err := s.sum(b)
			must(t, err)
			if x, y, err := s.sumPair(a, b); x != one || y != other || err != nil {
				t.Errorf("%s: pieces %d and %d differ when hashed together: %v", k.name, a, b, err)
			}
		}
		if only1 := !m.Info.V2; only1 != (pairs > 0) {
			t.Errorf("%s: %d pairs", k.name, pairs)
		}
		c2 := content{"a": c["a"], "b": c["b"], "c": bytes.Clone(c["c"]), "d": c["d"]}
		for i := range 6 {
			c2["c"][(3*i+4)*pieceLength]++
		}
		c2.write(t, dir)
		d = open(t, Config{MetaInfo: m, Data: dir})
		check(t, d)
		if d.Have() != n-6 {
			t.Errorf("%s: %d of %d pieces, 6 are wrong", k.name, d.Have(), n)
		}
	}
}

// TestHoles does not read them, and knows pieces of zeros all the same.
func TestHoles(t *testing.T) {
	const pieces = 2000
	for _, k := range kinds {
		dir := t.TempDir()
		path := filepath.Join(dir, "f")
		f, err := os.Create(path)
		must(t, err)
		_, err = f.WriteAt(random(1, pieceLength), 1000*pieceLength)
		must(t, errors.Join(err, f.Truncate(pieces*pieceLength+99), f.Close()))
		m := create(t, k, path)
		d := open(t, Config{MetaInfo: m, Data: path})
		check(t, d)
		if !d.Complete() {
			t.Errorf("%s: %d of %d pieces of a sparse file", k.name, d.Have(), m.Info.Pieces.Count())
		}
		other := filepath.Join(dir, "other")
		must(t, os.WriteFile(other, nil, 0o666))
		must(t, os.Truncate(other, pieces*pieceLength+99))
		d = open(t, Config{MetaInfo: m, Data: other})
		check(t, d)
		if d.Have() != pieces || d.Has(1000) {
			t.Errorf("%s: %d pieces of a file of zeros, want all but one", k.name, d.Have())
		}
	}
}

// mkfifo makes a FIFO, where there are such.
var mkfifo = func(path string) error { return os.Mkdir(path, 0o777) }

// TestUnfit has something else in the place of a file: it is refused, and the
// pieces of the others are found.
func TestUnfit(t *testing.T) {
	c := content{"a": random(1, 2*pieceLength), "b": random(2, 2*pieceLength), "c": random(3, 2*pieceLength)}
	tests := []struct {
		name string
		make func(path string) error
	}{
		{"a FIFO", mkfifo},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o777) }},
		{"a link in the torrent", func(path string) error { return os.Symlink("a", path) }},
		{"a link that leads out", func(path string) error { return os.Symlink("/etc/passwd", path) }},
		{"a link that leads nowhere", func(path string) error { return os.Symlink("x", path) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, dir := c.torrent(t, kinds[0])
			seed := open(t, Config{MetaInfo: m, Data: dir})
			check(t, seed)
			blocks := blocksOf(t, seed, 2)
			must(t, os.Remove(filepath.Join(dir, "b")))
			must(t, tt.make(filepath.Join(dir, "b")))
			d := open(t, Config{MetaInfo: m, Data: dir})
			if err := d.Check(context.Background(), nil); !errors.Is(err, ErrNotFile) {
				t.Errorf("Check: got %v, want ErrNotFile", err)
			}
			if d.Have() != 4 || d.Has(2) || d.Has(3) {
				t.Errorf("%d pieces, want 4", d.Have())
			}
			w := open(t, Config{MetaInfo: m, Dir: filepath.Dir(dir)})
			if err := w.WritePiece(2, blocks); err == nil || w.Has(2) {
				t.Error("WritePiece into it has not failed")
			}
			if fi, err := os.Lstat(filepath.Join(dir, "x")); err == nil {
				t.Errorf("a link was followed: %v", fi.Name())
			}
		})
	}
}

// TestChangedWhileChecked does not believe what was hashed of such a file.
func TestChangedWhileChecked(t *testing.T) {
	m, dir := content{"a": random(1, 4*pieceLength), "b": random(2, 4*pieceLength)}.torrent(t, kinds[0])
	d := open(t, Config{MetaInfo: m, Data: dir})
	first := true
	must(t, d.Check(context.Background(), func(int64, int64) {
		if first {
			first = false
			must(t, poke(filepath.Join(dir, "a"), 3*pieceLength))
		}
	}))
	for p := range 4 {
		if d.Has(p) || !d.Has(p+4) {
			t.Errorf("held: piece %d %v, piece %d %v, want those of b only", p, d.Has(p), p+4, d.Has(p+4))
		}
	}
}

// TestLayers come after the metainfo, as with a magnet of version 2.
func TestLayers(t *testing.T) {
	c := content{"a": random(1, 3*pieceLength+5), "b": random(2, 100), "c": random(3, 2*pieceLength), "d": random(4, 5*pieceLength)}
	m, dir := c.torrent(t, kinds[1])
	must(t, poke(filepath.Join(dir, "c"), 5))
	layers := m.Layers
	m.Layers = nil
	d := open(t, Config{MetaInfo: m, Data: dir})
	check(t, d)
	// A complete file proves its pieces; one of a piece needs no layer.
	want := map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true, 7: true, 8: true, 9: true, 10: true, 11: true}
	hold := func(when string) {
		t.Helper()
		for p := range m.Info.Pieces.Count() {
			if d.Has(p) != want[p] {
				t.Errorf("%s: piece %d: %v, want %v", when, p, d.Has(p), want[p])
			}
		}
	}
	hold("without layers")
	d.SetLayers(metainfo.Layers{m.Info.Files[0].Root: layers[m.Info.Files[0].Root]})
	hold("with the layer of another file")
	d.SetLayers(layers)
	want[6] = true // piece 5 is damaged
	hold("with layers")
	blocksOf(t, d, 6)
}

// TestLayersOfChangedFile holds nothing of a file that changed meanwhile.
func TestLayersOfChangedFile(t *testing.T) {
	m, dir := content{"a": random(1, 4*pieceLength), "b": random(2, 100)}.torrent(t, kinds[1])
	layers := m.Layers
	m.Layers = nil
	must(t, poke(filepath.Join(dir, "a"), 5))
	d := open(t, Config{MetaInfo: m, Data: dir})
	check(t, d)
	must(t, poke(filepath.Join(dir, "a"), pieceLength))
	d.SetLayers(layers)
	if _, err := d.ReadAt(make([]byte, 1), 1, 0); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	if d.Has(1) || d.Has(2) {
		t.Error("pieces of a changed file are held")
	}
}
