package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"p2pfs/swarm/hashing"
)

// seedOf returns a checked seed of c.
func seedOf(t testing.TB, c content, k kind, lost func(int)) (d *Disk, dir string) {
	t.Helper()
	m, dir := c.torrent(t, k)
	d = open(t, Config{MetaInfo: m, Data: dir, OnLost: lost})
	check(t, d)
	if !d.Complete() {
		t.Fatalf("%d of %d pieces", d.Have(), d.info.Pieces.Count())
	}
	return d, dir
}

func TestReadRanges(t *testing.T) {
	d, _ := seedOf(t, content{"a": random(1, 40_000), "b": random(2, 10_000)}, kinds[2], nil)
	// Pieces: 32768 of a; 7232 of a and a pad file; 10000 of b, with no pad
	// file or one behind it.
	pad := int64(d.info.Pieces.Pad(1))
	if pad != pieceLength-7232 {
		t.Fatalf("padding of piece 1: got %d", pad)
	}
	tests := []struct {
		piece int
		begin int64
		n     int
		want  error
	}{
		{0, 0, pieceLength, nil}, {0, 100, 100, nil}, {0, pieceLength, 0, nil}, {0, pieceLength - 1, 2, ErrRange},
		{1, 0, 7232, nil}, {1, 7000, 300, nil}, {1, 7232, int(pad), nil}, {1, 0, pieceLength + 1, ErrRange},
		{2, 0, 10_000, nil}, {-1, 0, 1, ErrRange}, {3, 0, 1, ErrRange}, {0, -1, 1, ErrRange}, {0, 1 << 62, 1, ErrRange},
	}
	space := slices.Concat(random(1, 40_000), make([]byte, pad), random(2, 10_000), make([]byte, pieceLength))
	for _, tt := range tests {
		p := bytes.Repeat([]byte{0xaa}, tt.n)
		n, err := d.ReadAt(p, tt.piece, tt.begin)
		if !errors.Is(err, tt.want) || err == nil && n != tt.n {
			t.Errorf("ReadAt(%d bytes, %d, %d): got %d, %v, want %v", tt.n, tt.piece, tt.begin, n, err, tt.want)
		}
		if at := tt.piece*pieceLength + int(tt.begin); err == nil && !bytes.Equal(p, space[at:at+tt.n]) {
			t.Errorf("ReadAt(%d bytes, %d, %d): wrong bytes", tt.n, tt.piece, tt.begin)
		}
	}
}

// TestReadClosed fails, but for reads that are under way.
func TestReadClosed(t *testing.T) {
	d, _ := seedOf(t, content{"a": random(1, 10)}, kinds[0], nil)
	h, err := d.files.acquire(0, false)
	must(t, err)
	must(t, d.Close())
	if _, err := h.f.ReadAt(make([]byte, 10), 0); err != nil {
		t.Errorf("a read under way: %v", err)
	}
	h.unref()
	if _, err := d.ReadAt(make([]byte, 1), 0, 0); err == nil {
		t.Error("ReadAt after Close has not failed")
	}
}

// TestChanged has somebody change a file that is being seeded: none of its
// pieces is served, all of them are told of once, those of others stay.
func TestChanged(t *testing.T) {
	c := content{"a": random(1, 2*pieceLength), "b": random(2, 3*pieceLength), "c": random(3, pieceLength)}
	tests := []struct {
		name   string
		change func(path string) error
	}{
		{"a byte", func(path string) error { return poke(path, 5) }},
		{"truncated", func(path string) error { return os.Truncate(path, pieceLength) }},
		{"grown", func(path string) error { return os.Truncate(path, 4*pieceLength) }},
		{"removed", os.Remove},
		{"replaced by its like", func(path string) error {
			return errors.Join(os.WriteFile(path+"2", c["b"], 0o666), os.Rename(path+"2", path))
		}},
		{"replaced by a link", func(path string) error {
			return errors.Join(os.Rename(path, path+"2"), os.Symlink("b2", path))
		}},
	}
	for _, tt := range tests {
		for _, opened := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				var lost []int
				d, dir := seedOf(t, c, kinds[0], func(p int) { lost = append(lost, p) })
				if !opened {
					d.files.open.forget(1)
				} else if _, err := d.ReadAt(make([]byte, 1), 2, 0); err != nil {
					t.Fatal(err)
				}
				if tt.name == "replaced by a link" && opened {
					d.files.open.forget(1) // an open file that is only renamed is still the one
				}
				must(t, tt.change(filepath.Join(dir, "b")))
				for range 2 {
					if _, err := d.ReadAt(make([]byte, 100), 3, 0); !errors.Is(err, ErrMissing) {
						t.Errorf("ReadAt: got %v, want ErrMissing", err)
					}
				}
				if d.Has(2) {
					t.Error("a piece of the changed file is still held")
				}
				if !slices.Equal(lost, []int{2, 3, 4}) {
					t.Errorf("OnLost: got %v, want 2, 3 and 4", lost)
				}
				if _, err := d.ReadAt(make([]byte, 100), 5, 0); err != nil {
					t.Errorf("a piece of another file: %v", err)
				}
			})
		}
	}
}

// TestCheckAgain takes a changed file in again, as far as it is the torrent's.
func TestCheckAgain(t *testing.T) {
	d, dir := seedOf(t, content{"a": random(1, 2*pieceLength), "b": random(2, 3*pieceLength)}, kinds[0], nil)
	must(t, poke(filepath.Join(dir, "b"), pieceLength))
	if _, err := d.ReadAt(make([]byte, 1), 4, 0); !errors.Is(err, ErrMissing) {
		t.Fatalf("got %v, want ErrMissing", err)
	}
	check(t, d)
	if !d.Has(2) || d.Has(3) || !d.Has(4) {
		t.Errorf("held: %v %v %v, want 2 and 4", d.Has(2), d.Has(3), d.Has(4))
	}
	blocksOf(t, d, 4)
}

// poke inverts the byte at off.
func poke(path string, off int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, off)
	_, err1 := f.WriteAt([]byte{^b[0]}, off)
	return errors.Join(err, err1)
}

// TestManyFiles keeps few of them open.
func TestManyFiles(t *testing.T) {
	c := content{}
	for i := range 3 * maxOpen {
		c[string(rune('a'+i%26))+"/"+string(rune('A'+i/26))] = random(uint64(i), 1000+i)
	}
	seed, _ := seedOf(t, c, kinds[1], nil)
	to := t.TempDir()
	d := open(t, Config{MetaInfo: seed.cfg.MetaInfo, Dir: to})
	fetch(t, d, seed)
	for _, d := range []*Disk{d, seed} {
		if n := len(d.files.open.byFile); n != maxOpen {
			t.Errorf("%d files are open, want %d", n, maxOpen)
		}
	}
	must(t, d.Finish())
	c.want(t, filepath.Join(to, "t"))
}

// TestPadFiles of version 1 hold zeros that stand nowhere on disk.
func TestPadFiles(t *testing.T) {
	c := content{"a": random(1, 40_000), "b": random(2, 10), "c": random(3, 2*pieceLength)}
	m := padded(t, c, "a", "b", "c")
	dir := filepath.Join(t.TempDir(), "t")
	c.write(t, dir)
	seed := open(t, Config{MetaInfo: m, Data: dir})
	check(t, seed)
	if !seed.Complete() {
		t.Fatalf("%d of %d pieces", seed.Have(), m.Info.Pieces.Count())
	}
	p := bytes.Repeat([]byte{1}, pieceLength)
	if _, err := seed.ReadAt(p, 2, 0); err != nil || !bytes.Equal(p, append(random(2, 10), make([]byte, pieceLength-10)...)) {
		t.Errorf("a piece with padding: %v, or wrong bytes", err)
	}
	to := t.TempDir()
	d := open(t, Config{MetaInfo: m, Dir: to})
	fetch(t, d, seed)
	must(t, d.Finish())
	c.want(t, filepath.Join(to, "t"))
	if m.Info.Pieces.Size(0) != hashing.BlockSize*2 {
		t.Error("pieces are not of two blocks")
	}
}
