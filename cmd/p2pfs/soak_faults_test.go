//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/swarmtest"
)

// soakMember is a member of a soak, as a process of its own.
type soakMember struct {
	*mounted
	s       *soak
	process *swarmtest.Process // nil while it is dead
	log     string
	level   string
	disk    bool // the cache is a tmpfs
	full    bool
}

func (m *soakMember) cache() string { return filepath.Join(m.base, "cache") }

// run starts the process; await waits for its mount.
func (m *soakMember) run() {
	self, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	m.process = swarmtest.Start(m.t, "", "sh", "-c", `log=$1; shift; exec env "$@" 2>>"$log"`, "sh", m.log, asCommand+"=1", self,
		"mount", m.mnt(), "--share", m.share(""), "--cache", m.cache(), "--state", m.base+"/state", "--listen", m.addr+":0",
		"--drive", m.drive, "--name", m.name, "--no-lsd", "--tracker", m.s.url, "--cache-size", "5MiB", "--read-timeout", "20s", "--log-level", m.level)
}

func (m *soakMember) await() {
	m.t.Helper()
	within(m.t, time.Minute, func() error {
		select {
		case <-m.process.Done():
			return fmt.Errorf("%s has ended: %s", m.name, m.tail())
		default:
		}
		if _, err := os.Stat(m.mnt(tree.SpecialDir, tree.StatusFile)); err != nil {
			return err
		}
		if r := runArgs(m.t, "status", m.mnt()); r.status != cli.ExitDone {
			return errors.New(r.stderr)
		}
		return nil
	})
}

// tail is the end of the log.
func (m *soakMember) tail() string {
	log, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}

// terminate ends the process as a user would, which must go well.
func (m *soakMember) terminate() {
	if m.process == nil {
		return
	}
	m.process.Signal(syscall.SIGTERM)
	if err := m.process.Wait(time.Minute); err != nil {
		m.t.Errorf("%s: %v\n%s", m.name, err, m.tail())
	}
	m.process = nil
}

// heal brings back what the faults took.
func (m *soakMember) heal() {
	if m.full {
		m.empty()
	}
	if m.process == nil {
		m.run()
	}
}

// fill takes all room on the cache's disk.
func (m *soakMember) fill() bool {
	if !m.disk || m.full {
		return false
	}
	m.full = true
	err := os.WriteFile(filepath.Join(m.cache(), "others"), make([]byte, 8<<20), 0o600)
	return errors.Is(err, syscall.ENOSPC)
}

func (m *soakMember) empty() bool {
	if !m.full {
		return false
	}
	m.full = false
	os.Remove(filepath.Join(m.cache(), "others"))
	return true
}

// fault is what may happen, and how often against the others. do reports
// whether it did.
type fault struct {
	weight int
	do     func(m *soakMember) bool
}

func (s *soak) faults() map[string]fault {
	return map[string]fault{
		"write":   {12, (*soakMember).edit},
		"delete":  {3, (*soakMember).remove},
		"kill":    {2, func(m *soakMember) bool { return m.crash(s.r.IntN(2) == 0) }},
		"stop":    {1, (*soakMember).restart},
		"revive":  {3, (*soakMember).revive},
		"damage":  {3, (*soakMember).damage},
		"rmcache": {1, (*soakMember).removeCache},
		"fill":    {1, (*soakMember).fill},
		"empty":   {1, (*soakMember).empty},
		"evict":   {2, func(m *soakMember) bool { return m.does("evict", m.mnt()) }},
		"fetch":   {1, func(m *soakMember) bool { return m.does("prefetch", m.mnt(fmt.Sprintf("m%d", s.r.IntN(soakMembers)))) }},
		"verify":  {1, func(m *soakMember) bool { return m.does("verify", m.mnt()) }},
		"tracker": {1, func(*soakMember) bool {
			s.tracker.Kill()
			s.track()
			return true
		}},
	}
}

// own are the paths that a member shares now.
func (m *soakMember) own() []string {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.s.now)), func(p string) bool { return !strings.HasPrefix(p, m.name+"/") })
}

// edit writes a new file, or other content over an old one.
func (m *soakMember) edit() bool {
	own := m.own()
	path := fmt.Sprintf("%s/d%d/f%d", m.name, m.s.r.IntN(3), m.s.r.IntN(1000))
	if len(own) >= soakFiles || len(own) > 0 && m.s.r.IntN(3) == 0 {
		path = own[m.s.r.IntN(len(own))]
	}
	sizes := []int{0, 1, 5000, 16 << 10, 16<<10 + 1, 64 << 10, 100_000, 500_000, 1<<20 + 7, 3 << 20}
	if err := m.write(path, sizes[m.s.r.IntN(len(sizes))]); err != nil {
		m.t.Error(err)
	}
	return true
}

func (m *soakMember) remove() bool {
	own := m.own()
	if len(own) == 0 {
		return false
	}
	path := own[m.s.r.IntN(len(own))]
	m.s.mu.Lock()
	delete(m.s.now, path)
	m.s.mu.Unlock()
	return os.Remove(m.share(path)) == nil
}

// crash kills the process; it stays dead, or is back at once.
func (m *soakMember) crash(back bool) bool {
	if m.process == nil {
		return false
	}
	m.process.Kill()
	m.process = nil
	if back {
		m.run()
		m.await()
	}
	return true
}

func (m *soakMember) restart() bool {
	if m.process == nil {
		return false
	}
	m.terminate()
	m.run()
	m.await()
	return true
}

func (m *soakMember) revive() bool {
	if m.process != nil {
		return false
	}
	m.run()
	m.await()
	return true
}

// does runs a command on the mount. It may fail; it may not hang.
func (m *soakMember) does(args ...string) bool {
	if m.process == nil {
		return false
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runArgs(m.t, args...)
	}()
	select {
	case <-done:
		return true
	case <-time.After(2 * time.Minute):
		m.t.Errorf("%s: %q does not end", m.name, args)
		return false
	}
}

// damage flips, cuts, swaps or removes a few pieces of the cache.
func (m *soakMember) damage() bool {
	var pieces []string
	filepath.WalkDir(m.cache(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && len(d.Name()) > 40 && filepath.Ext(path) == "" {
			pieces = append(pieces, path)
		}
		return nil // it may be gone, or removed whole
	})
	if len(pieces) < 2 {
		return false
	}
	for range 1 + m.s.r.IntN(4) {
		a, b := pieces[m.s.r.IntN(len(pieces))], pieces[m.s.r.IntN(len(pieces))]
		switch m.s.r.IntN(4) { // errors: evicted meanwhile, or the disk is full
		case 0:
			flipInPlace(a, m.s.r.IntN)
		case 1:
			os.Truncate(a, int64(m.s.r.IntN(5000)))
		case 2:
			os.Rename(a, a+"x")
			os.Rename(b, a)
			os.Rename(a+"x", b)
		case 3:
			os.Remove(a)
		}
	}
	return true
}

// flipInPlace changes one bit of a file.
func flipInPlace(path string, draw func(int) int) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return
	}
	at, b := int64(draw(int(info.Size()))), []byte{0}
	if _, err := f.ReadAt(b, at); err == nil {
		b[0] ^= 1 << draw(8)
		f.WriteAt(b, at)
	}
}

// removeCache removes all that is in the cache directory, and itself where it
// is no disk of its own.
func (m *soakMember) removeCache() bool {
	if m.disk {
		entries, err := os.ReadDir(m.cache())
		for _, e := range entries {
			os.RemoveAll(filepath.Join(m.cache(), e.Name()))
		}
		m.full = false
		return err == nil
	}
	return os.RemoveAll(m.cache()) == nil
}
