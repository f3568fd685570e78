package share

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/swarm/guard/guardtest"
)

// Some of what follows needs another process, or another user: the test binary
// runs itself again, with one test, which sees in the environment that it is
// meant.

const envChild = "P2PFS_SHARE_TEST_CHILD"

// again prepares to run this binary, and one test of it, in another process.
func again(binary, name, arg string) *exec.Cmd {
	cmd := exec.Command(binary, "-test.run=^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), envChild+"="+arg)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestMain(m *testing.M) {
	if dir, state, ok := strings.Cut(os.Getenv(envChild), "|"); ok {
		shareUntilKilled(dir, state)
	}
	guardtest.Main(m)
}

// shareUntilKilled shares a directory and says what it has published.
func shareUntilKilled(dir, state string) {
	change := make(chan struct{}, 1)
	s, err := Open(context.Background(), Config{Dir: dir, State: state, OnChange: func(Delta) {
		select {
		case change <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	said := map[string]bool{}
	out := bufio.NewWriter(os.Stdout)
	for range change {
		for _, f := range s.Files() {
			if f.Kind == Regular && !said[f.Path] {
				said[f.Path] = true
				fmt.Fprintf(out, "PUBLISHED %s\n", f.Path)
			}
		}
		out.Flush()
	}
}

// TestKill kills a process again and again while it hashes and publishes. What
// was saved is not hashed again, nothing is lost, no byte is wrong. What it had
// published may be hashed again: records wait until the disk has the data.
// P2PFS_KILLS says how often; 200 is what a release is tried with.
func TestKill(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("P2PFS_KILLS"))
	if kills == 0 {
		kills = 8
	}
	b := newBox(t, nil)
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	content := map[string][]byte{}
	for range kills {
		done := maps.Clone(content) // what need not be hashed
		killOne(t, b, r, func() {
			for range 20 + r.IntN(60) {
				name := fmt.Sprintf("d%d/f%d", r.IntN(4), len(content))
				content[name] = random(1 + r.IntN(300<<10)>>r.IntN(10))
				b.write(name, content[name])
			}
		})
		b.open()
		b.until("all", func() bool { return b.Stats().Files == len(content) })
		if st := b.Stats(); st.Hashed > len(content)-len(done) {
			t.Errorf("hashed %d files: %d of %d had been saved before", st.Hashed, len(done), len(content))
		}
		for name, data := range content {
			f, _ := b.file(name)
			b.holds(f, data)
		}
		if t.Failed() {
			return
		}
		b.must(b.Close())
	}
}

// killOne runs a child, changes things, and kills it at a random moment. It
// returns the files that the child has said to have published.
func killOne(t *testing.T, b *box, r *rand.Rand, change func()) (published []string) {
	t.Helper()
	cmd := again(os.Args[0], "-", b.dir+"|"+b.state)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(time.Duration(r.IntN(250))*time.Millisecond, func() { cmd.Process.Kill() })
	defer killer.Stop()
	change()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "PUBLISHED "); ok {
			published = append(published, name)
		}
	}
	cmd.Wait()
	return published
}

// asNobody runs the test that calls it as a user to whom permissions apply, and
// reports whether this is that process.
func asNobody(t *testing.T) bool {
	t.Helper()
	if os.Getuid() != 0 {
		return true
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "share")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "share.test")
	if err := errors.Join(os.Chown(dir, nobody, nobody), copyFile(binary, os.Args[0])); err != nil {
		t.Fatal(err)
	}
	cmd := again(binary, t.Name(), "nobody")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	cmd.Stderr = nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return false
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func TestWithoutPermission(t *testing.T) {
	if !asNobody(t) {
		return
	}
	j := newJournal()
	b := openBox(t, func(c *Config) { fast(c); c.Log = slog.New(j) })
	b.write("no", []byte("secret"))
	b.must(os.Chmod(b.path("no"), 0))
	b.write("dir/inside", []byte("x"))
	b.write("yes", []byte("open"))
	f := b.await("yes")
	b.await("dir/inside")
	b.stats("one is skipped", func(st Stats) bool { return st.Skipped == 1 })
	for range 5 {
		b.walked()
	}
	if n := j.count("cannot be shared", "path=no"); n != 1 {
		t.Errorf("%d warnings, want one: %q", n, j.lines)
	}
	b.must(os.Chmod(b.path("no"), 0o644))
	b.await("no")
	b.stats("none is skipped", func(st Stats) bool { return st.Skipped == 0 })

	b.must(os.Chmod(b.path("yes"), 0)) // published, and cannot be served any more
	b.gone("yes")
	if _, err := b.read(f); err == nil || errors.Is(err, errWrong) {
		t.Errorf("read: %v", err)
	}
	b.must(os.Chmod(b.path("yes"), 0o644))
	b.await("yes")

	b.must(os.Chmod(b.path("dir"), 0))
	b.gone("dir/inside")
	for range 5 {
		b.walked()
	}
	if n := j.count("directory cannot be read"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	b.must(os.Chmod(b.path("dir"), 0o755))
	b.await("dir/inside")
	if st := b.Stats(); st.Hashed != 3 {
		t.Errorf("hashed %d files, want each once", st.Hashed)
	}
}

// TestUnreadableSinceTheLastRun: what is in the hash store but cannot be read
// is found out at the first read.
func TestUnreadableSinceTheLastRun(t *testing.T) {
	if !asNobody(t) {
		return
	}
	b := openBox(t, fast)
	b.write("f", []byte("contents"))
	b.await("f")
	b.must(b.Close())
	b.must(os.Chmod(b.path("f"), 0))
	b.open()
	f := b.await("f")
	if _, err := b.read(f); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want that it is not permitted", err)
	}
	b.gone("f")
	b.must(os.Chmod(b.path("f"), 0o644))
	b.holds(b.await("f"), []byte("contents"))
}

// TestFilesOfOthers: the owner's lease is refused to everybody else, who goes
// by size and time.
func TestFilesOfOthers(t *testing.T) {
	if os.Getuid() != 0 && os.Getenv(envChild) == "" {
		t.Skip("needs two users")
	}
	dir := os.Getenv("P2PFS_SHARE_TEST_DIR")
	if os.Getuid() == 0 {
		dir = t.TempDir()
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "f"), []byte("root's"), 0o644),
			os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
			t.Fatal(err)
		}
		t.Setenv("P2PFS_SHARE_TEST_DIR", dir)
		asNobody(t)
		return
	}
	b := newBox(t, fast)
	b.dir, b.cfg.Dir = dir, dir
	b.open()
	b.holds(b.await("f"), []byte("root's"))
}
