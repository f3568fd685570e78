package share

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// volume is a filesystem in a file, whose power can be cut.
type volume struct {
	t     *testing.T
	kind  string
	image string
	dir   string // where it is mounted
}

// newVolume makes one. Where there are no loop devices, or no rights to them,
// the test is skipped; CI is meant to have them.
func newVolume(t *testing.T, kind string) *volume {
	t.Helper()
	missing := func(why string) {
		if os.Getenv("CI") != "" {
			t.Fatalf("no power can be cut: %s", why)
		}
		t.Skip(why)
	}
	if os.Getuid() != 0 {
		missing("not root")
	}
	for _, program := range []string{"mkfs." + kind, "mount", "umount", "xfs_io"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(err.Error())
		}
	}
	base := t.TempDir()
	v := &volume{t: t, kind: kind, image: filepath.Join(base, "image"), dir: filepath.Join(base, "mnt")}
	f, err := os.Create(v.image)
	if err == nil {
		err = f.Truncate(320 << 20) // xfs' least is 300 MiB
		f.Close()
	}
	if err == nil {
		err = os.Mkdir(v.dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	v.do("mkfs."+kind, "-q", v.image)
	if out, err := exec.Command("mount", "-o", "loop", v.image, v.dir).CombinedOutput(); err != nil {
		missing(fmt.Sprintf("mount: %v: %s", err, out))
	}
	t.Cleanup(func() { exec.Command("umount", v.dir).Run() })
	if err := os.Mkdir(filepath.Join(v.dir, "share"), 0o755); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *volume) do(name string, arg ...string) {
	v.t.Helper()
	if out, err := exec.Command(name, arg...).CombinedOutput(); err != nil {
		v.t.Fatalf("%s %q: %v\n%s", name, arg, err, out)
	}
}

// cut ends the filesystem as a power cut does: what is not on the device is
// lost, its journal too.
func (v *volume) cut() { v.do("xfs_io", "-x", "-c", "shutdown", v.dir) }

// again mounts it anew after cut.
func (v *volume) again() {
	v.t.Helper()
	v.do("umount", v.dir)
	v.do("mount", "-o", "loop", v.image, v.dir)
}

// TestPowerIsCut writes files in the ways that are prone to it, has them hashed,
// and cuts the power up to a second later. What is published under a hash then
// is read as that, or not at all.
func TestPowerIsCut(t *testing.T) {
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for _, kind := range []string{"ext4", "xfs"} {
		for _, samePlace := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", kind, samePlace), func(t *testing.T) {
				v := newVolume(t, kind)
				r := rand.New(rand.NewPCG(uint64(os.Getpid()), 5))
				for round := range rounds {
					cutOnce(t, v, r, round, samePlace)
				}
			})
		}
	}
}

// cutOnce is one power cut. With samePlace nothing tells the next run that there
// was one: only that records wait for their data keeps bytes right, of files
// that were new.
func cutOnce(t *testing.T, v *volume, r *rand.Rand, round int, samePlace bool) {
	const n, size = 6, 2<<20 + 4096
	// On one filesystem, as in a home directory: flushing the database takes the
	// files' sizes and times to the disk, and not their data.
	dir := filepath.Join(v.dir, "share")
	cfg := Config{Dir: dir, State: filepath.Join(v.dir, fmt.Sprint("state", round)), Log: slog.New(slog.DiscardHandler)}
	if samePlace {
		cfg.test.place = "here"
	}
	name := func(i int) string { return fmt.Sprintf("round %d file %d", round, i) }
	for i := range n {
		var old []byte // allotted only
		if i%2 == 1 && !samePlace {
			old = random(size)
		}
		if err := prepare(filepath.Join(dir, name(i)), size, old); err != nil {
			t.Fatal(err)
		}
	}
	unix.Sync()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	awaitRoots(t, s, n, func(i int) (File, bool) { return s.Find(name(i)) }) // old bytes have records
	want := map[string]metainfo.Hash256{}
	for i := range n {
		data := random(size)
		want[name(i)] = rootOf(t, data)
		if err := overwrite(filepath.Join(dir, name(i)), 0, data); err != nil {
			t.Fatal(err)
		}
	}
	awaitRoots(t, s, n, func(i int) (File, bool) {
		f, ok := s.Find(name(i))
		return f, ok && f.Root == want[f.Path]
	})
	<-time.After(time.Duration(r.IntN(1000)) * time.Millisecond) // the moment of the cut
	v.cut()
	s.Close() // on a dead disk: it may not call this a good end
	v.again()

	s, err = Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	<-s.Scanned()
	for _, f := range s.Files() {
		rd, err := s.Reader(f.Content())
		if f.Kind != Regular || f.Size == 0 || err != nil {
			continue
		}
		got, err := io.ReadAll(io.NewSectionReader(rd, 0, rd.Size()))
		if err == nil && rootOf(t, got) != f.Root {
			t.Errorf("%s: read under a hash that is not theirs: %d bytes, %d of them zeros", f.Path, len(got), bytes.Count(got, []byte{0}))
		}
	}
}

// prepare makes a file of old bytes, or one that room is allotted for.
func prepare(path string, size int64, old []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if old != nil {
		_, err = f.Write(old)
	} else {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	return errors.Join(err, f.Close())
}

// awaitRoots waits until all of n files are as file says.
func awaitRoots(t *testing.T, s *Share, n int, file func(i int) (File, bool)) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for done := 0; done < n; {
		select {
		case <-limit:
			t.Fatalf("%d of %d files in %v", done, n, patience)
		case <-tick.C:
		}
		for done = 0; done < n; done++ {
			if _, ok := file(done); !ok {
				break
			}
		}
	}
}

func rootOf(t *testing.T, data []byte) metainfo.Hash256 {
	t.Helper()
	size := int64(len(data))
	h, err := hashing.File(context.Background(), bytes.NewReader(data), hashing.Config{PieceLength: metainfo.PieceLength(size), Length: size}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h.Root
}
