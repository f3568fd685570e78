package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestDownload seeds and downloads torrents of all kinds.
func TestDownload(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			c := tree()
			m, dir := c.torrent(t, k)
			seed := open(t, Config{MetaInfo: m, Data: dir})
			if seed.Have() != 0 {
				t.Errorf("before Check: %d pieces", seed.Have())
			}
			check(t, seed)
			if !seed.Complete() {
				t.Fatalf("Check: %d of %d pieces", seed.Have(), m.Info.Pieces.Count())
			}
			to := t.TempDir()
			d := open(t, Config{MetaInfo: m, Dir: to})
			check(t, d)
			if d.Have() != 0 {
				t.Errorf("nothing there: %d pieces", d.Have())
			}
			if err := d.Finish(); !errors.Is(err, ErrMissing) {
				t.Errorf("Finish: got %v, want ErrMissing", err)
			}
			fetch(t, d, seed)
			must(t, d.Finish())
			c.want(t, filepath.Join(to, "t"))
			for p := range m.Info.Pieces.Count() {
				a, b := blocksOf(t, d, p), blocksOf(t, seed, p)
				if !slices.EqualFunc(a, b, bytes.Equal) {
					t.Errorf("piece %d reads otherwise", p)
				}
			}
		})
	}
}

func TestSingleFile(t *testing.T) {
	for _, k := range kinds {
		for _, n := range []int{1, pieceLength - 1, pieceLength, 3*pieceLength + 5} {
			data := random(uint64(n), n)
			m, path := file(t, k, data)
			seed := open(t, Config{MetaInfo: m, Data: path})
			check(t, seed)
			to := t.TempDir()
			d := open(t, Config{MetaInfo: m, Dir: to})
			fetch(t, d, seed)
			must(t, d.Finish())
			content{"f": data}.want(t, to)
		}
	}
}

// TestWhere finds the data of a seed in all places that -data may name.
func TestWhere(t *testing.T) {
	c := content{"t/x": random(1, 100), "x": random(2, 100), "y": random(3, 100)}
	m, dir := c.torrent(t, kinds[0])
	one, path := file(t, kinds[0], random(4, 100))
	other := filepath.Join(t.TempDir(), "renamed")
	must(t, os.Rename(path, other))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(other, link))
	tests := []struct {
		name string
		cfg  Config
		ok   bool
	}{
		{"the directory", Config{MetaInfo: m, Data: dir}, true},
		{"its parent", Config{MetaInfo: m, Data: filepath.Dir(dir)}, true},
		{"the renamed file", Config{MetaInfo: one, Data: other}, true},
		{"a link to it", Config{MetaInfo: one, Data: link}, true},
		{"nothing", Config{MetaInfo: m, Data: dir + "x"}, false},
		{"a file for a directory", Config{MetaInfo: m, Data: other}, false},
		{"neither", Config{MetaInfo: m}, false},
		{"both", Config{MetaInfo: m, Data: dir, Dir: dir}, false},
	}
	for _, tt := range tests {
		d, err := Open(tt.cfg)
		if (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want ok %v", tt.name, err, tt.ok)
		}
		if err != nil {
			continue
		}
		check(t, d)
		if !d.Complete() {
			t.Errorf("%s: %d of %d pieces", tt.name, d.Have(), d.info.Pieces.Count())
		}
		if err := d.WritePiece(0, nil); err != ErrReadOnly {
			t.Errorf("%s: WritePiece: got %v, want ErrReadOnly", tt.name, err)
		}
		must(t, d.Close())
		must(t, d.Close())
	}
}
