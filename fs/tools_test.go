//go:build linux

package fs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// run runs a command with a time limit and returns what it wrote.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("this test needs %s: %v", name, err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// Files that hold nothing here, full of zeros and not, of all the sizes, and
// strange names: tar -S and cp give what the tree has.
func TestMountTar(t *testing.T) {
	tree := newMem()
	holes := noise(1, 1<<20)
	clear(holes[4096 : 600<<10])
	files := map[string][]byte{
		"sparse": holes, "zeros": make([]byte, 300_000), "data": noise(2, 300_000), "empty": nil, "one": {7},
		"dir/sub/f": noise(3, 16<<10+1), "dir/with space": []byte("a"), "dir/ü名": []byte("b"),
		strings.Repeat("n", 255): []byte("c"), "-dash": []byte("d"), "new\nline": []byte("e"),
	}
	for p, data := range files {
		tree.put(p, data).e.Local = 0
	}
	tree.files["one"].e.Exec = true
	tree.set("dir/link", &memFile{e: Entry{Kind: Symlink, Target: "sub/f", MTime: time.Unix(1e9, 0)}})
	m := mount(t, tree)
	ways := map[string]func(to string){
		"tar": func(to string) {
			a := filepath.Join(t.TempDir(), "a.tar")
			run(t, "tar", "-C", m.Dir(), "-cSf", a, ".")
			run(t, "tar", "-C", to, "-xSf", a)
		},
		"cp": func(to string) { run(t, "cp", "-a", "--sparse=always", m.Dir()+"/.", to) },
	}
	for name, way := range ways {
		to := t.TempDir()
		way(to)
		for p, want := range files {
			if got, err := os.ReadFile(filepath.Join(to, p)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %q has %d bytes, %v", name, p, len(got), err)
			}
		}
		run(t, "diff", "-r", m.Dir(), to)
		if l, err := os.Readlink(filepath.Join(to, "dir/link")); l != "sub/f" {
			t.Errorf("%s: link %q, %v", name, l, err)
		}
		run(t, "chmod", "-R", "u+w", to)
	}
}

// A program on the mount can be run, and has its own x bit.
func TestMountExec(t *testing.T) {
	bin, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skip(err)
	}
	tree := newMem()
	tree.put("true", bin).e.Exec = true
	tree.put("script", []byte("#!/bin/sh\necho it works\n")).e.Exec = true
	m := mount(t, tree)
	// Through a shell: between fork and exec the child holds up this process,
	// which serves the mount.
	run(t, "sh", "-c", `exec "$0"`, filepath.Join(m.Dir(), "true"))
	if out := run(t, "sh", "-c", `exec "$0"`, filepath.Join(m.Dir(), "script")); out != "it works\n" {
		t.Errorf("script wrote %q", out)
	}
}

// Directories are listed without a request for each entry.
func TestMountFind(t *testing.T) {
	const n = 60_000
	m := mount(t, newFlat(n))
	before, start := m.Stats().Requests, time.Now()
	out := run(t, "find", m.Dir(), "-type", "f")
	took, asked := time.Since(start), m.Stats().Requests-before
	t.Logf("find over %d entries: %v, %d requests", n, took, asked)
	if got := strings.Count(out, "\n"); got != n {
		t.Errorf("found %d files, want %d", got, n)
	}
	if took > soon { // 0.2 s otherwise
		t.Errorf("took %v", took)
	}
	if asked > n/20 {
		t.Errorf("%d requests", asked)
	}
	if out := run(t, "ls", "-a", m.Dir()); !strings.HasPrefix(out, ".\n..\nfile-000000.dat\n") {
		t.Errorf("ls -a begins with %.40q", out)
	}
}

// ls -l is told of many names at once, and asks for no attribute of each.
func TestMountLong(t *testing.T) {
	const n = 3000
	m := mount(t, newFlat(n))
	for range 2 {
		before, start := m.Stats().Requests, time.Now()
		out := run(t, "ls", "-l", m.Dir())
		if got := strings.Count(out, "\n-r--r--r-- 1 "); got != n {
			t.Errorf("ls -l has %d files, want %d", got, n)
		}
		asked := m.Stats().Requests - before
		t.Logf("ls -l of %d entries: %v, %d requests", n, time.Since(start), asked)
		if asked > n/5 {
			t.Errorf("ls -l asked %d times for %d entries", asked, n)
		}
	}
}

// flat is a tree whose root has many entries.
type flat struct {
	*mem
	entries []Entry
}

func newFlat(n int) *flat {
	f := &flat{mem: newMem()}
	for i := range n {
		f.entries = append(f.entries, Entry{Name: fmt.Sprintf("file-%06d.dat", i), Size: int64(i)})
	}
	return f
}

func (f *flat) Lookup(ctx context.Context, p string) (Entry, error) {
	var i int
	if _, err := fmt.Sscanf(p, "file-%d.dat", &i); err == nil && i < len(f.entries) {
		return f.entries[i], nil
	}
	return f.mem.Lookup(ctx, p)
}

func (f *flat) ReadDir(context.Context, string) ([]Entry, error) { return f.entries, nil }

// du and df tell what is held, not what could be.
func TestMountUsage(t *testing.T) {
	tree := newMem()
	tree.put("half", make([]byte, 1<<20)).e.Local = 512 << 10
	tree.put("none", make([]byte, 1<<20)).e.Local = 0
	m := mount(t, tree)
	if out := run(t, "du", "-k", "--apparent-size", filepath.Join(m.Dir(), "half")); !strings.HasPrefix(out, "1024\t") {
		t.Errorf("du --apparent-size: %s", out)
	}
	for name, want := range map[string]string{"half": "524288", "none": "512"} {
		if out := run(t, "du", "-B1", filepath.Join(m.Dir(), name)); !strings.HasPrefix(out, want+"\t") {
			t.Errorf("du of %s: %s, want %s", name, out, want)
		}
	}
	if out := strings.Fields(run(t, "df", "-k", "--output=size,avail,used", m.Dir())); strings.Join(out[len(out)-3:], " ") != "1048576 524288 524288" {
		t.Errorf("df: %v", out)
	}
}
