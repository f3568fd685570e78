//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/swarmtest"
)

// command runs a subcommand on paths of the mount.
func (m *mounted) command(name string, paths ...string) result {
	m.t.Helper()
	for i, p := range paths {
		paths[i] = m.mnt(p)
	}
	return runArgs(m.t, append([]string{name}, paths...)...)
}

// listed waits until the mount shows a path.
func (m *mounted) listed(paths ...string) {
	m.t.Helper()
	for _, path := range paths {
		within(m.t, patience, func() error { _, err := os.Lstat(m.mnt(path)); return err })
	}
}

// cacheFiles are the pieces on disk, by path.
func (m *mounted) cacheFiles() (files []string) {
	m.t.Helper()
	err := filepath.WalkDir(m.base+"/cache", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && len(filepath.Base(filepath.Dir(path))) == 2 && filepath.Ext(path) == "" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return files
}

// cacheBlocks is what du counts of the pieces on disk.
func (m *mounted) cacheBlocks() (sum int64) {
	m.t.Helper()
	for _, path := range m.cacheFiles() {
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err == nil {
			sum += st.Blocks * 512
		}
	}
	return sum
}

// blocks is what du counts of files in the mount.
func (m *mounted) blocks(paths ...string) (sum int64) {
	m.t.Helper()
	for _, path := range paths {
		var st syscall.Stat_t
		if err := syscall.Lstat(m.mnt(path), &st); err != nil {
			m.t.Fatal(err)
		}
		sum += st.Blocks * 512
	}
	return sum
}

// agree fails unless du of the cache, status, df and du of the mount say the
// same. paths are all files of which something is cached; a file that is not
// here counts a block.
func (m *mounted) agree(paths ...string) {
	m.t.Helper()
	within(m.t, patience, func() error {
		disk, s, shown := m.cacheBlocks(), status(m.t, m).Cache, m.blocks(paths...)
		var df syscall.Statfs_t
		if err := syscall.Statfs(m.mnt(), &df); err != nil {
			return err
		}
		used := int64(df.Blocks-df.Bfree) * df.Frsize
		slack := int64(len(paths)) * 4096
		if disk != s.Used || disk > s.Budget || abs(used-disk) > 4096 || abs(shown-disk) > slack {
			return fmt.Errorf("du of the cache %d, status %d of %d, df %d, du of the mount %d", disk, s.Used, s.Budget, used, shown)
		}
		return nil
	})
}

// bounded watches the cache until stop, and fails if it outgrows its budget.
func (m *mounted) bounded(budget int64) (stop func()) {
	done, end := make(chan int64), make(chan struct{})
	go func() {
		most := int64(0)
		for {
			most = max(most, m.cacheBlocks())
			select {
			case <-end:
				done <- most
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() {
		m.t.Helper()
		close(end)
		if most := <-done; most > budget {
			m.t.Errorf("the cache took %d bytes, its budget is %d", most, budget)
		}
	}
}

func abs(n int64) int64 { return max(n, -n) }

// TestCacheCommands pins, prefetches, evicts and verifies, and goes on without
// the publisher.
func TestCacheCommands(t *testing.T) {
	swarmtest.CheckLeaks(t)
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker(), "--cache-size", "4MiB", "--read-timeout", "2s").start()
	files := map[string][]byte{}
	for name, size := range map[string]int{"d/tiny": 100, "d/block": 16<<10 + 5, "d/e/piece": 64 << 10, "d/big": 1<<20 + 17, "other": 1 << 20, "huge": 6 << 20} {
		files[name] = swarmtest.Bytes(uint64(size), size)
		a.write(name, files[name])
	}
	b.listed("d/tiny", "d/block", "d/e/piece", "d/big", "other", "huge")
	pinned := []string{"d/tiny", "d/block", "d/e/piece", "d/big"}

	b.command("prefetch", "d").want(t, cli.ExitDone, "fetched 4 files, 1.1 MiB: 1.1 MiB came, 0 B were here")
	b.command("prefetch", "d").want(t, cli.ExitDone, "0 B came, 1.1 MiB were here")
	b.agree(pinned...)
	b.command("evict", "d/big").want(t, cli.ExitDone, "evicted 1.0 MiB of 1 file")
	b.agree(pinned...)
	b.command("pin", "d").want(t, cli.ExitDone, "pinned 4 files, 1.1 MiB: 1.0 MiB came")
	runArgs(t, "pin", "--list", b.mnt()).want(t, cli.ExitDone, "d/e/piece\nd/tiny\n4 pinned files, 1.1 MiB")
	b.command("pin", "huge").want(t, cli.ExitFailed, "do not fit into the cache of 4.0 MiB, 1.1 MiB of which are pinned; --cache-size makes it larger")
	b.command("prefetch", "huge").want(t, cli.ExitFailed, "do not fit")
	b.command("evict", "d/big").want(t, cli.ExitFailed, "pinned; p2pfs unpin comes first")
	b.command("verify", "d").want(t, cli.ExitDone, "verified 20 pieces, 1.1 MiB, of 4 files: all good")
	b.command("prefetch", "nothing").want(t, cli.ExitFailed, "file does not exist")
	a.command("prefetch", "d").want(t, cli.ExitDone, "not counting 4 files of your own share directory")

	stop := b.bounded(4 << 20)
	b.sees("huge", files["huge"]) // presses everything else out
	stop()
	b.agree(append(pinned, "huge")...)
	a.stop()
	b.stop()
	b.start()
	for _, name := range pinned {
		if got, err := os.ReadFile(b.mnt(name)); err != nil || !bytes.Equal(got, files[name]) {
			t.Errorf("%s, pinned, without a peer: %d bytes, %v", name, len(got), err)
		}
	}
	if s := status(t, b); s.Cache.Pinned < 1<<20 || s.Traffic.Downloaded != 0 {
		t.Errorf("after a restart: %+v, %d bytes fetched", s.Cache, s.Traffic.Downloaded)
	}
	b.command("prefetch", "other").want(t, cli.ExitFailed, "no peer connected")
	b.command("unpin", "d").want(t, cli.ExitDone, "unpinned 4 files, 1.1 MiB")
	b.command("unpin", "d").want(t, cli.ExitFailed, "not pinned")
	b.command("evict", "").want(t, cli.ExitDone, "evicted ")
	if left := b.cacheBlocks(); left != 0 {
		t.Errorf("%d bytes are left after all was evicted", left)
	}
	b.agree(append(pinned, "huge")...)
}

// TestVerifyCommand finds pieces that were changed without a trace.
func TestVerifyCommand(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	data := swarmtest.Bytes(3, 512<<10)
	a.write("file", data)
	b.sees("file", data)
	within(t, patience, func() error { // its last block is read before its piece is stored
		if n := len(b.cacheFiles()); n != 8 {
			return fmt.Errorf("%d pieces are stored", n)
		}
		return nil
	})
	b.command("verify", "file").want(t, cli.ExitDone, "verified 8 pieces")
	for _, path := range b.cacheFiles()[:2] {
		rot(t, path)
	}
	r := b.command("verify", "file")
	r.want(t, cli.ExitFailed, "2 of 8 pieces were bad and are dropped; they belong to file")
	if strings.Contains(r.stdout, "good") {
		t.Errorf("stdout: %q", r.stdout)
	}
	b.command("verify", "file").want(t, cli.ExitDone, "verified 6 pieces")
	b.command("prefetch", "file").want(t, cli.ExitDone, "128.0 KiB came")
	b.command("verify", "file").want(t, cli.ExitDone, "verified 8 pieces")
}

// TestVerifyShare looks at the share directory, too, by either path.
func TestVerifyShare(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	a.write("d/file", swarmtest.Bytes(4, 512<<10))
	a.sees("d/file", swarmtest.Bytes(4, 512<<10))
	a.command("verify", "d").want(t, cli.ExitDone, "verified 8 pieces, 512.0 KiB, of 1 file: all good")
	verify := func(path string) result { return runArgs(t, "verify", path) }
	verify(a.share("")).want(t, cli.ExitDone, "verified 8 pieces, 512.0 KiB, of 1 file: all good")
	path := a.share("d/file")
	rot(t, path)
	verify(path).want(t, cli.ExitFailed, "1 file of 1 not what was published, and hashed again: d/file")
	within(t, patience, func() error { // published as what it is
		if r := verify(path); r.status != cli.ExitDone || !strings.Contains(r.stdout, "8 pieces") {
			return fmt.Errorf("%d: %s%s", r.status, r.stdout, r.stderr)
		}
		return nil
	})
	verify(a.share("none")).want(t, cli.ExitFailed, "not published")
}

// rot flips a bit of a file and leaves its times alone.
func rot(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 4
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
}
