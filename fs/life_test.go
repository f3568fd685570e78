//go:build linux

package fs

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/fs/mounting"
)

// temp returns an empty directory that is unmounted at the end, come what may.
func temp(t *testing.T) string {
	t.Helper()
	mountable(t)
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, ok, _ := mounting.At(dir); ok {
			mounting.Unmount(dir, true)
		}
	})
	return dir
}

func TestMountRefuses(t *testing.T) {
	mountable(t)
	top := t.TempDir()
	file := filepath.Join(top, "file")
	full := filepath.Join(top, "full")
	loop := filepath.Join(top, "loop")
	for _, err := range []error{
		os.WriteFile(file, nil, 0o644),
		os.MkdirAll(filepath.Join(full, "x"), 0o755),
		os.Symlink("loop", loop),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		dir  string
		want string
		is   error
	}{
		{filepath.Join(top, "none"), "no such file", os.ErrNotExist},
		{filepath.Join(top, "none", "below"), "no such file", os.ErrNotExist},
		{file, "not a directory", nil},
		{filepath.Join(file, "below"), "not a directory", syscall.ENOTDIR},
		{full, "not empty", nil},
		{loop, "symbolic links", syscall.ELOOP},
		{"", "no directory given", nil},
	}
	for _, tt := range tests {
		m, err := Mount(Config{Dir: tt.dir, Tree: newMem()})
		if err == nil {
			m.Close()
			t.Errorf("Mount(%s) succeeded", tt.dir)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.dir) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("Mount(%s): %v, want %q", tt.dir, err, tt.want)
		}
	}
}

// The second mount on a directory says that the first one lives, by any path.
func TestMountTwice(t *testing.T) {
	m := mount(t, newMem())
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(m.Dir(), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{m.Dir(), link} {
		again, err := Mount(Config{Dir: dir, Tree: newMem()})
		if err == nil {
			again.Close()
		}
		if !errors.Is(err, mounting.ErrMounted) {
			t.Errorf("Mount(%s) = %v, want ErrMounted", dir, err)
		}
	}
	if _, err := os.ReadDir(m.Dir()); err != nil {
		t.Errorf("the first mount suffered: %v", err)
	}
}

// The mount is what it says it is, and ls works when Mount returns.
func TestMountOptions(t *testing.T) {
	dir := temp(t)
	tree := newMem()
	tree.put("f", []byte("x"))
	m, err := Mount(Config{Dir: dir, Tree: tree, FSName: "drive, public", AllowOther: os.Getuid() == 0})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if out, err := exec.Command("ls", dir).Output(); err != nil || string(out) != "f\n" {
		t.Errorf("ls: %q, %v", out, err)
	}
	table, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if f[1] != dir {
			continue
		}
		if f[0] != `drive,\040public` || f[2] != "fuse.p2pfs" {
			t.Errorf("/proc/mounts has %s", line)
		}
		for _, o := range []string{"ro", "nosuid", "nodev"} {
			if !strings.Contains(","+f[3]+",", ","+o+",") {
				t.Errorf("option %s is not among %s", o, f[3])
			}
		}
		return
	}
	t.Error("not in /proc/mounts")
}

// Nobody can write, by any call.
func TestMountReadOnly(t *testing.T) {
	tree := newMem()
	tree.put("d/f", []byte("x"))
	m := mount(t, tree)
	f, d := filepath.Join(m.Dir(), "d/f"), filepath.Join(m.Dir(), "d")
	for name, do := range map[string]func() error{
		"create":      func() error { return os.WriteFile(filepath.Join(d, "new"), nil, 0o644) },
		"open":        func() error { _, err := os.OpenFile(f, os.O_RDWR, 0); return err },
		"append":      func() error { _, err := os.OpenFile(f, os.O_WRONLY|os.O_APPEND, 0); return err },
		"truncate":    func() error { return os.Truncate(f, 0) },
		"unlink":      func() error { return os.Remove(f) },
		"rename":      func() error { return os.Rename(f, filepath.Join(d, "g")) },
		"mkdir":       func() error { return os.Mkdir(filepath.Join(d, "sub"), 0o755) },
		"rmdir":       func() error { return unix.Rmdir(d) },
		"symlink":     func() error { return os.Symlink("x", filepath.Join(d, "l")) },
		"link":        func() error { return os.Link(f, filepath.Join(d, "h")) },
		"chmod":       func() error { return os.Chmod(f, 0o777) },
		"chown":       func() error { return os.Chown(f, 1, 1) },
		"utimes":      func() error { return os.Chtimes(f, time.Now(), time.Now()) },
		"mkfifo":      func() error { return unix.Mkfifo(filepath.Join(d, "p"), 0o644) },
		"setxattr":    func() error { return unix.Setxattr(f, "user.x", []byte("y"), 0) },
		"removexattr": func() error { return unix.Removexattr(f, "user.x") },
	} {
		if err := do(); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v, want EROFS", name, err)
		}
	}
	if err := unix.Access(f, unix.X_OK); os.Getuid() == 0 && !errors.Is(err, syscall.EACCES) {
		t.Errorf("access to run a file without x: %v", err)
	}
}

func TestMountXattr(t *testing.T) {
	tree := newMem()
	tree.put("f", nil)
	tree.put("plain", nil)
	tree.xattrs["f"] = map[string]string{"user.p2pfs.infohash": strings.Repeat("ab", 20), "user.p2pfs.state": "here"}
	m := mount(t, tree)
	f := filepath.Join(m.Dir(), "f")
	buf := make([]byte, 100)
	tests := []struct {
		name string
		call func() (int, error)
		n    int
		err  error
	}{
		{"get", func() (int, error) { return unix.Getxattr(f, "user.p2pfs.state", buf) }, 4, nil},
		{"size", func() (int, error) { return unix.Getxattr(f, "user.p2pfs.infohash", nil) }, 40, nil},
		{"small", func() (int, error) { return unix.Getxattr(f, "user.p2pfs.infohash", buf[:39]) }, -1, syscall.ERANGE},
		{"none", func() (int, error) { return unix.Getxattr(f, "user.none", buf) }, -1, syscall.ENODATA},
		{"list", func() (int, error) { return unix.Listxattr(f, buf) }, 37, nil},
		{"list size", func() (int, error) { return unix.Listxattr(f, nil) }, 37, nil},
		{"list small", func() (int, error) { return unix.Listxattr(f, buf[:36]) }, -1, syscall.ERANGE},
		{"list none", func() (int, error) { return unix.Listxattr(filepath.Join(m.Dir(), "plain"), buf) }, 0, nil},
		{"directory", func() (int, error) { return unix.Getxattr(m.Dir(), "user.none", buf) }, -1, syscall.ENODATA},
	}
	for _, tt := range tests {
		if n, err := tt.call(); n != tt.n || !errors.Is(err, tt.err) {
			t.Errorf("%s: %d, %v, want %d, %v", tt.name, n, err, tt.n, tt.err)
		}
	}
}

// Check says what Mount would, and leaves a dead mount where it is.
func TestCheck(t *testing.T) {
	dir := temp(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if path, err := mounting.Check(link); err != nil || path != dir {
		t.Errorf("free: %s, %v", path, err)
	}
	if _, err := mounting.Check(filepath.Dir(link)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("not empty: %v", err)
	}
	p := spawn(t, "mount "+dir)
	if _, err := mounting.Check(link); !errors.Is(err, mounting.ErrMounted) {
		t.Errorf("live: %v, want ErrMounted", err)
	}
	p.Process.Kill()
	p.ended(t, 5*time.Second)
	for range 2 {
		if path, err := mounting.Check(link); err != nil || path != dir {
			t.Errorf("dead: %s, %v", path, err)
		}
	}
	if path, err := mounting.Resolve(link); err != nil || path != dir || countMounts(t, dir) != 1 {
		t.Errorf("Resolve: %s, %v", path, err)
	}
}

// A mount whose process was killed is dead; the next one on it works.
func TestMountHeals(t *testing.T) {
	dir := temp(t)
	p := spawn(t, "mount "+dir)
	if p.first != "mounted" {
		t.Fatal(p.first)
	}
	held, err := os.Open(filepath.Join(dir, "f")) // it is dead and busy
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	reader := spawn(t, "read 0 0 "+filepath.Join(dir, "stuck"))
	p.Process.Kill()
	p.ended(t, 5*time.Second)
	if st := reader.ended(t, 5*time.Second); st.ExitStatus() == 0 {
		t.Error("a blocked reader of a killed mount succeeded")
	}
	if _, err := os.ReadDir(dir); !errors.Is(err, syscall.ENOTCONN) {
		t.Fatalf("the mount is not dead: %v", err)
	}

	var log bytes.Buffer
	tree := newMem()
	tree.put("f", []byte("alive"))
	m, err := Mount(Config{Dir: dir, Tree: tree, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got, err := os.ReadFile(filepath.Join(dir, "f")); string(got) != "alive" {
		t.Errorf("read %q, %v", got, err)
	}
	if !strings.Contains(log.String(), "dead mount") {
		t.Errorf("log says nothing of it: %s", &log)
	}
	if n := countMounts(t, dir); n != 1 {
		t.Errorf("%d mounts on the directory", n)
	}
}

func fusectl(t *testing.T) bool {
	t.Helper()
	return slices.ContainsFunc(mounts(t), func(m mounting.Mounted) bool { return m.Type == "fusectl" })
}

func mounts(t *testing.T) []mounting.Mounted {
	t.Helper()
	all, err := mounting.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func countMounts(t *testing.T, dir string) (n int) {
	t.Helper()
	for _, m := range mounts(t) {
		if m.Path == dir {
			n++
		}
	}
	return n
}

// A stopped process answers nothing; Mount does not hang, and does not take a
// living mount away.
func TestMountOverStopped(t *testing.T) {
	dir := temp(t)
	p := spawn(t, "mount "+dir)
	p.Process.Signal(syscall.SIGSTOP)
	defer p.Process.Signal(syscall.SIGCONT)
	start := time.Now()
	_, err := Mount(Config{Dir: dir, Tree: newMem()})
	if !errors.Is(err, mounting.ErrMounted) || time.Since(start) > limit {
		t.Errorf("%v after %v, want ErrMounted", err, time.Since(start))
	}
}
