package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/metainfo"
)

// TestAttributes are those of the torrent: exec bits, symlinks, directories of
// empty files, and the date of creation as mtime.
func TestAttributes(t *testing.T) {
	c := content{"bin/run": random(1, 40_000), "plain": random(2, 40_000), "dir/empty": {}, "z/tool": {}}
	for _, k := range kinds {
		dir := filepath.Join(t.TempDir(), "t")
		c.write(t, dir)
		must(t, errors.Join(
			os.Chmod(filepath.Join(dir, "bin/run"), 0o755), os.Chmod(filepath.Join(dir, "z/tool"), 0o755),
			os.Symlink("../plain", filepath.Join(dir, "dir/link")), os.Symlink("bin/run", filepath.Join(dir, "top")),
			os.Symlink("run", filepath.Join(dir, "bin/side")),
		))
		m := create(t, k, dir)
		m.Created = time.Unix(1_600_000_000, 0)
		seed := open(t, Config{MetaInfo: m, Data: dir})
		check(t, seed)
		to := t.TempDir()
		d := open(t, Config{MetaInfo: m, Dir: to})
		fetch(t, d, seed)
		must(t, d.Finish())
		if want := filepath.Join(to, "t"); d.Path() != want {
			t.Errorf("Path: got %s, want %s", d.Path(), want)
		}
		c.want(t, d.Path())
		for name, exec := range map[string]bool{"bin/run": true, "plain": false, "dir/empty": false, "z/tool": true} {
			fi, err := os.Lstat(filepath.Join(d.Path(), name))
			must(t, err)
			if got := fi.Mode()&0o100 != 0; got != exec {
				t.Errorf("%s: %s: mode %v, want exec %v", k.name, name, fi.Mode(), exec)
			}
			if fi.Size() > 0 && !fi.ModTime().Equal(m.Created) {
				t.Errorf("%s: %s: mtime %v, want %v", k.name, name, fi.ModTime(), m.Created)
			}
		}
		for name, want := range map[string]string{"dir/link": "../plain", "top": "bin/run", "bin/side": "run"} {
			if got, err := os.Readlink(filepath.Join(d.Path(), name)); got != want {
				t.Errorf("%s: link %s: got %q, %v, want %q", k.name, name, got, err, want)
			}
		}
		// Finished files are watched.
		must(t, poke(filepath.Join(d.Path(), "plain"), 0))
		if _, err := d.ReadAt(make([]byte, 1), d.info.Pieces.Count()-1, 0); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: a changed file after Finish: got %v, want ErrMissing", k.name, err)
		}
		must(t, os.RemoveAll(filepath.Join(d.Path(), "top")))
		must(t, os.Symlink("elsewhere", filepath.Join(d.Path(), "top")))
		open(t, Config{MetaInfo: m, Dir: to})
		if got, _ := os.Readlink(filepath.Join(d.Path(), "top")); got != "bin/run" {
			t.Errorf("%s: link made again: got %q", k.name, got)
		}
	}
}

// TestExecOfOldFile sets the bit on a file that was there.
func TestExecOfOldFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	c := content{"run": random(1, 100)}
	c.write(t, dir)
	must(t, os.Chmod(filepath.Join(dir, "run"), 0o755))
	m := create(t, kinds[0], dir)
	to := t.TempDir()
	c.write(t, filepath.Join(to, "t"))
	must(t, os.Chmod(filepath.Join(to, "t/run"), 0o640))
	d := open(t, Config{MetaInfo: m, Dir: to})
	check(t, d)
	must(t, d.Finish())
	if fi, err := os.Stat(filepath.Join(to, "t/run")); err != nil || fi.Mode().Perm() != 0o750 {
		t.Errorf("mode %v, %v, want 0750", fi.Mode(), err)
	}
}

// TestEscapes tries to get out of the directory through links that are there.
func TestEscapes(t *testing.T) {
	c := content{"sub/a": random(1, 100), "b": random(2, 100)}
	m, dir := c.torrent(t, kinds[0])
	seed := open(t, Config{MetaInfo: m, Data: dir})
	check(t, seed)
	blocks := blocksOf(t, seed, 0)
	for _, link := range []string{"t", "t/sub", "t/sub/a"} {
		outside := filepath.Join(t.TempDir(), "out")
		must(t, os.Mkdir(outside, 0o777))
		to := t.TempDir()
		must(t, os.MkdirAll(filepath.Join(to, filepath.Dir(link)), 0o777))
		must(t, os.Symlink(outside, filepath.Join(to, link)))
		if d, err := Open(Config{MetaInfo: m, Dir: to}); err == nil {
			if err := d.WritePiece(0, blocks); err == nil {
				t.Errorf("%s: WritePiece has not failed", link)
			}
			d.Close()
		}
		list, err := os.ReadDir(outside)
		if len(list) != 0 || err != nil {
			t.Errorf("%s: outside: %v, %v", link, list, err)
		}
	}
}

// TestBadNames cannot be had from ParseInfo; Open refuses them besides.
func TestBadNames(t *testing.T) {
	raw, err := bencode.Marshal(map[string]any{"name": "t", "piece length": pieceLength, "pieces": string(make([]byte, 20)),
		"files": []any{map[string]any{"length": 1, "path": []string{"a"}}}})
	must(t, err)
	for _, path := range [][]string{{".."}, {"..", "..", "x"}, {"a", "..", "..", "..", "x"}} {
		info, err := metainfo.ParseInfo(raw)
		must(t, err)
		info.Files[0].Path = path
		if _, err := Open(Config{MetaInfo: &metainfo.MetaInfo{Info: info}, Dir: t.TempDir()}); err == nil {
			t.Errorf("%q: not refused", path)
		}
	}
}
