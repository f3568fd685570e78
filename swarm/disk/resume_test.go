package disk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// hashed runs Check and returns how many bytes it hashed.
func hashed(t *testing.T, d *Disk) (total int64) {
	t.Helper()
	must(t, d.Check(context.Background(), func(_, of int64) { total = of }))
	return total
}

// TestResume says what is hashed again after what.
func TestResume(t *testing.T) {
	c := content{"a": random(1, 2*pieceLength), "b": random(2, 3*pieceLength), "c": random(3, pieceLength)}
	const all, onlyB = 6 * pieceLength, 3 * pieceLength
	edit := func(off int, b byte) func(t *testing.T, dir, record string) {
		return func(t *testing.T, _, record string) {
			text, err := os.ReadFile(record)
			must(t, err)
			text[off] ^= b
			must(t, os.WriteFile(record, text, 0o600))
		}
	}
	tests := []struct {
		name    string
		between func(t *testing.T, dir, record string)
		want    int64
	}{
		{"nothing", func(*testing.T, string, string) {}, 0},
		{"a file touched", func(t *testing.T, dir, _ string) { age(t, filepath.Join(dir, "b")) }, onlyB},
		{"a file written to", func(t *testing.T, dir, _ string) { must(t, poke(filepath.Join(dir, "b"), 1)) }, onlyB},
		{"a file replaced", func(t *testing.T, dir, _ string) {
			path := filepath.Join(dir, "b")
			fi, err := os.Stat(path)
			must(t, errors.Join(err, os.WriteFile(path+"2", c["b"], 0o666), os.Rename(path+"2", path), os.Chtimes(path, fi.ModTime(), fi.ModTime())))
		}, onlyB},
		{"a file removed", func(t *testing.T, dir, _ string) { must(t, os.Remove(filepath.Join(dir, "b"))) }, 0},
		{"record removed", func(t *testing.T, _, record string) { must(t, os.Remove(record)) }, all},
		{"record damaged", edit(150, 1), all},
		{"record cut", func(t *testing.T, _, record string) { must(t, os.Truncate(record, 200)) }, all},
		{"record empty", func(t *testing.T, _, record string) { must(t, os.Truncate(record, 0)) }, all},
		{"record longer", func(t *testing.T, _, record string) { must(t, os.Truncate(record, 1<<20)) }, all},
		{"record of another version", edit(len(recordHeader)-2, 1), all},
	}
	for _, tt := range tests {
		for _, seeding := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				m, dir := c.torrent(t, kinds[0])
				record := filepath.Join(t.TempDir(), "state", ResumeName(m.Info))
				cfg := Config{MetaInfo: m, Data: dir, Resume: record}
				d := open(t, cfg)
				if !seeding {
					cfg.Dir, cfg.Data = t.TempDir(), ""
					check(t, d)
					w := open(t, cfg)
					fetch(t, w, d)
					dir = filepath.Join(cfg.Dir, "t")
					must(t, w.Finish())
					must(t, w.Close())
				} else if n := hashed(t, d); n != all {
					t.Errorf("at first: %d bytes hashed, want %d", n, all)
				} else {
					must(t, d.Close())
				}
				tt.between(t, dir, record)
				d = open(t, cfg)
				if n := hashed(t, d); n != tt.want {
					t.Errorf("%d bytes hashed, want %d", n, tt.want)
				}
				damaged := tt.name == "a file removed" || tt.name == "a file written to"
				if d.Complete() == damaged {
					t.Errorf("%d pieces held", d.Have())
				}
			})
		}
	}
}

// TestResumeHalf goes on with a download that was interrupted.
func TestResumeHalf(t *testing.T) {
	for _, k := range kinds {
		seed, _ := seedOf(t, tree(), k, nil)
		cfg := Config{MetaInfo: seed.cfg.MetaInfo, Dir: t.TempDir(), Resume: filepath.Join(t.TempDir(), "r")}
		d := open(t, cfg)
		n := seed.info.Pieces.Count()
		for p := 0; p < n; p += 2 {
			must(t, d.WritePiece(p, blocksOf(t, seed, p)))
		}
		must(t, d.Close())
		d = open(t, cfg)
		if got := hashed(t, d); got != 0 || d.Have() != (n+1)/2 {
			t.Errorf("%s: %d bytes hashed, %d pieces, want 0 and %d", k.name, got, d.Have(), (n+1)/2)
		}
		if got := fetch(t, d, seed); got != n/2 {
			t.Errorf("%s: %d pieces fetched, want %d", k.name, got, n/2)
		}
		must(t, d.Finish())
		tree().want(t, filepath.Join(cfg.Dir, "t"))
	}
}

// TestResumeCrash wrote a record, then more pieces, and then no more.
func TestResumeCrash(t *testing.T) {
	c := content{"a": random(1, 2*pieceLength), "b": random(2, 4*pieceLength)}
	seed, _ := seedOf(t, c, kinds[0], nil)
	cfg := Config{MetaInfo: seed.cfg.MetaInfo, Dir: t.TempDir(), Resume: filepath.Join(t.TempDir(), "r")}
	d := open(t, cfg)
	for _, p := range []int{0, 1, 2} {
		must(t, d.WritePiece(p, blocksOf(t, seed, p)))
	}
	must(t, d.Save())
	must(t, d.WritePiece(4, blocksOf(t, seed, 4)))

	after := open(t, cfg)
	if after.Have() != 2 || !after.Has(0) || !after.Has(1) {
		t.Errorf("%d pieces held, want those of the file that was complete", after.Have())
	}
	if n := hashed(t, after); n != 4*pieceLength || after.Have() != 4 {
		t.Errorf("%d bytes hashed, %d pieces, want one file and 4", n, after.Have())
	}
}

// TestResumeBoot believes only what had time to reach the device.
func TestResumeBoot(t *testing.T) {
	c := content{"a": random(1, 2*pieceLength), "b": random(2, 3*pieceLength)}
	m, dir := c.torrent(t, kinds[0])
	age(t, filepath.Join(dir, "b"))
	cfg := Config{MetaInfo: m, Data: dir, Resume: filepath.Join(t.TempDir(), "r")}
	d := open(t, cfg)
	check(t, d)
	must(t, d.Close())
	text, err := os.ReadFile(cfg.Resume)
	must(t, err)
	at := len(recordHead(m.Info))
	if boot := bytes.TrimRight(text[at:at+bootLen], "\x00"); string(boot) != bootID() {
		t.Fatalf("boot in the record: %q", boot)
	}
	d = open(t, cfg)
	d.files.state[1].dirty.Store(true) // as if we had written it, with an old mtime
	must(t, d.Save())
	for _, tt := range []struct {
		name string
		boot byte
		want int64
	}{{"the same boot", 0, 0}, {"another boot", 1, 5 * pieceLength}} {
		rewrite(t, cfg.Resume, at, tt.boot)
		d := open(t, cfg)
		if n := hashed(t, d); n != tt.want {
			t.Errorf("%s: %d bytes hashed, want %d", tt.name, n, tt.want)
		}
		if tt.boot == 1 {
			must(t, d.Save()) // b was read, not written, and is old
			rewrite(t, cfg.Resume, at, 1)
			if n := hashed(t, open(t, cfg)); n != 2*pieceLength {
				t.Errorf("after a Check: %d bytes hashed, want those of the new file", n)
			}
		}
	}
}

// rewrite changes a byte of a record and its sum.
func rewrite(t *testing.T, record string, at int, xor byte) {
	t.Helper()
	text, err := os.ReadFile(record)
	must(t, err)
	text[at] ^= xor
	must(t, os.WriteFile(record, withSum(text[:len(text)-32]), 0o600))
}

func TestRecord(t *testing.T) {
	m, _ := tree().torrent(t, kinds[2])
	r := newRecord(m.Info)
	r.boot = "a boot"
	for i := range r.files {
		r.files[i] = recordFile{ident{int64(i), -int64(i), 1 << 63}, i%2 == 0}
	}
	for p := range m.Info.Pieces.Count() {
		if p%3 == 0 {
			r.add(p)
		}
	}
	text := r.encode(m.Info)
	got := decodeRecord(m.Info, text)
	if !reflect.DeepEqual(got, r) {
		t.Errorf("got %v, want %v", got, r)
	}
	other, _ := file(t, kinds[2], random(1, 10))
	if decodeRecord(other.Info, text) != nil {
		t.Error("the record of another torrent was taken")
	}
	for n := range len(text) {
		if decodeRecord(m.Info, text[:n]) != nil {
			t.Errorf("a record cut to %d bytes was taken", n)
		}
	}
}

func FuzzRecord(f *testing.F) {
	m, _ := file(f, kinds[1], random(1, 3*pieceLength))
	f.Add(newRecord(m.Info).encode(m.Info))
	f.Add([]byte(recordHeader))
	f.Fuzz(func(t *testing.T, text []byte) {
		// The sum keeps accidents out; here it is always right.
		if len(text) == recordLen(m.Info) {
			text = withSum(text[:len(text)-32])
		}
		r := decodeRecord(m.Info, text)
		if r == nil {
			return
		}
		if again := decodeRecord(m.Info, r.encode(m.Info)); !reflect.DeepEqual(again, r) {
			t.Errorf("got %v, want %v", again, r)
		}
		r.has(m.Info.Pieces.Count() - 1)
	})
}
