//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestThreeMembers goes through what a newcomer does, with real mounts: share,
// see, read, edit, rename, delete; go on without the publisher; restart.
func TestThreeMembers(t *testing.T) {
	swarmtest.CheckLeaks(t)
	drive := t.Name()
	a := newMounted(t, drive, "anna").start()
	b := newMounted(t, drive, "bob", "--tracker", a.tracker()).start()

	files := map[string][]byte{"sub/dir/deep.txt": []byte("deep"), "with space": []byte("x"), "übergröße-日本.bin": swarmtest.Bytes(9, 70_000),
		strings.Repeat("n", 251) + ".txt": []byte("a name of 255 bytes")}
	for _, size := range []int{0, 1, 16 << 10, 16<<10 + 1, 64 << 10, 64<<10 + 1, 5<<20 + 3} {
		files[fmt.Sprintf("size-%d", size)] = swarmtest.Bytes(uint64(size), size)
	}
	for path, data := range files {
		a.write(path, data)
	}
	for path, data := range files {
		b.sees(path, data)
		a.sees(path, data)
	}
	within(t, patience, func() error { return sameTree(a.share(""), b.mnt()) })

	t.Run("changes", func(t *testing.T) { changes(t, a, b) })
	t.Run("tar", func(t *testing.T) { tarEqual(t, a.share(""), b.mnt()) })
	t.Run("read only", func(t *testing.T) { readOnly(t, b) })

	big := swarmtest.Bytes(77, 8<<20)
	a.write("big.bin", big)
	b.sees("big.bin", big)
	a.stop()
	if got, err := os.ReadFile(b.mnt("big.bin")); err != nil || len(got) != len(big) {
		t.Fatalf("after anna left: %d bytes, %v", len(got), err)
	}

	a.start("--peer", "127.0.0.1:1")
	c := newMounted(t, drive, "carl", "--tracker", a.tracker()).start()
	c.sees("big.bin", big)
	b.stop()
	b.start()
	b.sees("big.bin", big)
	if n := status(t, b).Traffic.Downloaded; n != 0 {
		t.Errorf("bob fetched %d bytes again after a restart", n)
	}
	c.sees("sub/dir/deep.txt", []byte("deep"))
}

// changes edits, renames, adds and deletes on one side and looks on the other.
func changes(t *testing.T, a, b *mounted) {
	a.write("note", []byte("first"))
	b.sees("note", []byte("first"))
	a.write("note", []byte("second, longer"))
	b.sees("note", []byte("second, longer"))
	if err := os.Rename(a.share("note"), a.share("renamed")); err != nil {
		t.Fatal(err)
	}
	b.sees("renamed", []byte("second, longer"))
	b.misses("note")
	a.write("new/below/file", []byte("added"))
	b.sees("new/below/file", []byte("added"))
	if err := os.RemoveAll(a.share("new")); err != nil {
		t.Fatal(err)
	}
	b.misses("new")
	if err := os.Symlink("renamed", a.share("link")); err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() error {
		target, err := os.Readlink(b.mnt("link"))
		if err == nil && target != "renamed" {
			err = errors.New(target)
		}
		return err
	})
	if err := os.Chmod(a.share("renamed"), 0o755); err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() error {
		info, err := os.Stat(b.mnt("renamed"))
		if err == nil && info.Mode()&0o111 == 0 {
			err = errors.New("not executable")
		}
		return err
	})
	b.write("from bob", []byte("both ways"))
	a.sees("from bob", []byte("both ways"))
	if err := os.Remove(b.share("from bob")); err != nil {
		t.Fatal(err)
	}
	a.misses("from bob")
}

// tarEqual archives with holes looked for, as backups do, and compares.
func tarEqual(t *testing.T, want, mnt string) {
	out := t.TempDir()
	cmd := exec.Command("sh", "-c", `tar -S -C "$1" -cf - . | tar -C "$2" -xf -`, "sh", mnt, out)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	if msg, err := exec.Command("diff", "-r", "--no-dereference", want, out).CombinedOutput(); err != nil {
		t.Errorf("%v: %.500s", err, msg)
	}
}

func readOnly(t *testing.T, b *mounted) {
	for name, err := range map[string]error{
		"create": os.WriteFile(b.mnt("mine"), nil, 0o644),
		"mkdir":  os.Mkdir(b.mnt("dir"), 0o755),
		"remove": os.Remove(b.mnt("with space")),
		"rename": os.Rename(b.mnt("with space"), b.mnt("without")),
	} {
		if !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: got %v, want EROFS", name, err)
		}
	}
}

func status(t testing.TB, m *mounted) (s control.Status) {
	t.Helper()
	r := runArgs(t, "status", m.mnt(), "--json")
	r.want(t, cli.ExitDone, "")
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestManySmallFiles copies a tree of two thousand files.
func TestManySmallFiles(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	src := t.TempDir()
	for i := range 2000 {
		path := filepath.Join(src, "tree", fmt.Sprint("d", i%20), fmt.Sprint("s", i%7), fmt.Sprint("f", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, fmt.Appendf(nil, "file %d", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("cp", "-r", filepath.Join(src, "tree"), a.share("")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	within(t, 2*patience, func() error { return sameNames(a.share("tree"), b.mnt("tree")) })
	if err := sameTree(a.share("tree"), b.mnt("tree")); err != nil {
		t.Error(err)
	}
}

// sameNames compares what find lists.
func sameNames(a, b string) error {
	list := func(dir string) (string, error) {
		out, err := exec.Command("sh", "-c", `cd "$1" && find . | sort`, "sh", dir).CombinedOutput()
		return string(out), err
	}
	want, err := list(a)
	if err != nil {
		return err
	}
	got, err := list(b)
	if err == nil && got != want {
		err = fmt.Errorf("got %d names, want %d", strings.Count(got, "\n"), strings.Count(want, "\n"))
	}
	return err
}

// TestConflict has two members share other files under one name.
func TestConflict(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	a.write("plan.txt", []byte("anna's plan"))
	b.sees("plan.txt", []byte("anna's plan"))
	b.write("plan.txt", []byte("bob's plan"))
	a.write("same.txt", []byte("same"))
	b.write("same.txt", []byte("same"))
	b.sees("plan.txt", []byte("bob's plan"))
	a.sees("plan.txt", []byte("anna's plan"))
	bob, anna := control.ShortKey(status(t, b).Key), control.ShortKey(status(t, a).Key)
	a.sees("plan~bob-"+bob+".txt", []byte("bob's plan"))
	b.sees("plan~anna-"+anna+".txt", []byte("anna's plan"))
	b.sees("same.txt", []byte("same"))
	b.misses("same~anna-" + anna + ".txt")
	a.sees(".p2pfs/members/bob-"+bob+"/plan.txt", []byte("bob's plan"))
	names, err := os.ReadDir(a.mnt())
	if err != nil || len(names) != 3 {
		t.Errorf("got %v, %v; want three names, .p2pfs not among them", names, err)
	}
}

// TestTorrentsInTheMount adds torrents by flag and command, reads and removes
// them.
func TestTorrentsInTheMount(t *testing.T) {
	one := swarmtest.MakeFile(t, swarmtest.V1, "one.bin", 1<<20+7, 64<<10)
	many := swarmtest.Make(t, swarmtest.Spec{Kind: swarmtest.Hybrid, Name: "many", Files: []swarmtest.File{
		{Path: "a", Data: swarmtest.Bytes(1, 200_000)}, {Path: "sub/b", Data: swarmtest.Bytes(2, 1)}, {Path: "zero"},
	}})
	p1, p2 := swarmtest.Serve(t, swarmtest.Honest(one)), swarmtest.Serve(t, swarmtest.Honest(many))
	file := one.WriteTorrent(t, t.TempDir())
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker", "--peer", p1.Addr.String()).start(file)
	m.sees(".p2pfs/torrents/one.bin", one.Space)

	runArgs(t, "add", m.mnt(), many.Magnet(p2.Addr.String())).want(t, cli.ExitDone, "")
	for _, f := range many.Files {
		m.sees(".p2pfs/torrents/many/"+f.Path, f.Data)
	}
	runArgs(t, "add", m.mnt(), file).want(t, cli.ExitFailed, "there already")
	runArgs(t, "add", m.mnt(), filepath.Join(m.base, "share")).want(t, cli.ExitFailed, "")
	m.stop()
	m.start()
	m.sees(".p2pfs/torrents/one.bin", one.Space)
	if n := status(t, m).Traffic.Downloaded; n != 0 {
		t.Errorf("fetched %d bytes again after a restart", n)
	}
	runArgs(t, "remove", m.mnt(), "one.bin").want(t, cli.ExitDone, "")
	m.misses(".p2pfs/torrents/one.bin")
	runArgs(t, "remove", m.mnt(), "one.bin").want(t, cli.ExitFailed, "")
	runArgs(t, "umount", m.mnt()).want(t, cli.ExitDone, "")
	within(t, patience, func() error {
		if len(m.status) == 0 {
			return errors.New("still running")
		}
		return nil
	})
}

// TestMagnetOfASharedFile asks both sides for magnets and torrents of it.
func TestMagnetOfASharedFile(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	data := swarmtest.Bytes(5, 300_000)
	a.write("dir/file.bin", data)
	b.sees("dir/file.bin", data)
	var magnets []string
	for _, path := range []string{a.share("dir/file.bin"), a.mnt("dir/file.bin"), b.mnt("dir/file.bin")} {
		for _, flags := range [][]string{nil, {"--v2"}} {
			r := runArgs(t, append([]string{"magnet", path}, flags...)...)
			r.want(t, cli.ExitDone, "magnet:?")
			m, err := metainfo.ParseMagnet(strings.TrimSpace(r.stdout))
			if err != nil || m.Name != "file.bin" || m.HasV2 != (flags != nil) {
				t.Errorf("%s: %q, %v", path, r.stdout, err)
			}
			magnets = append(magnets, strings.TrimSpace(r.stdout))
		}
	}
	for i, magnet := range magnets[:2] {
		out := t.TempDir()
		r := runArgs(t, append([]string{"get", magnet, "-o", out}, own(t)...)...)
		r.want(t, cli.ExitDone, "verified")
		got, err := os.ReadFile(filepath.Join(out, "file.bin"))
		if err != nil || string(got) != string(data) {
			t.Errorf("magnet %d: %d bytes, %v", i, len(got), err)
		}
	}
	runArgs(t, "export", a.mnt("dir/file.bin"), "-o", filepath.Join(t.TempDir(), "x.torrent")).want(t, cli.ExitDone, "")
	runArgs(t, "magnet", a.mnt("dir")).want(t, cli.ExitFailed, "")
	runArgs(t, "magnet", a.mnt("missing")).want(t, cli.ExitFailed, "")
}

// TestMountRefuses is what a user may get wrong.
func TestMountRefuses(t *testing.T) {
	needMount(t)
	a := newMounted(t, t.Name(), "anna").start()
	dir := t.TempDir()
	args := func(mnt, share, cache, state string) []string {
		return []string{"mount", mnt, "--share", share, "--cache", cache, "--state", state, "--listen", a.addr + ":0", "--no-embedded-tracker", "--no-lsd"}
	}
	sub := func(name string) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(p, 0o755); err != nil {
			t.Fatal(err)
		}
		return p
	}
	empty := sub("empty")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no such mount point": {args(filepath.Join(dir, "none"), sub("s1"), sub("c1"), sub("st1")), "none"},
		"share in the mount":  {args(empty, sub("empty/share"), sub("c2"), sub("st2")), "share directory"},
		"cache in the share":  {args(sub("e3"), sub("s3"), sub("s3/cache"), sub("st3")), "cache"},
		"cache in use":        {args(sub("e4"), sub("s4"), a.base+"/cache", sub("st4")), "in use"},
		"state in use":        {args(sub("e5"), sub("s5"), sub("c5"), a.base+"/state"), "in use"},
		"mounted already":     {args(a.mnt(), sub("s6"), sub("c6"), sub("st6")), "mounted"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			runArgs(t, c.args...).want(t, cli.ExitFailed, c.want)
			if d := time.Since(began); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	r := runArgs(t, "mount", empty, "--name", "a/b")
	r.want(t, cli.ExitUsage, "--name")
}

func TestDemo(t *testing.T) {
	needMount(t)
	swarmtest.CheckLeaks(t)
	r := runArgs(t, "demo", "--size", "3MiB")
	r.want(t, cli.ExitDone, "SHA-256 on both sides")
}
