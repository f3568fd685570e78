//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/swarmtest"
)

var (
	soakFor  = flag.Duration("soak", 0, "run TestSoak for so `long`; give -timeout some minutes more")
	soakLog  = flag.String("soak-log", "", "`directory` for the members' logs, at level debug")
	soakSeed = flag.Uint64("soak-seed", 0, "`seed` of its faults; 0 draws one")
)

const (
	soakMembers = 5
	soakFiles   = 12 // of each member, at most
	// soakSettle is how often all faults stop until every mount shows just what
	// it must, and soakPatience how long that may take.
	soakSettle   = 45 * time.Second
	soakPatience = 3 * time.Minute
)

// soak is a drive of five members, what they shared, and what happens to them.
type soak struct {
	t       *testing.T
	r       *rand.Rand
	tracker *swarmtest.Process
	url     string
	members []*soakMember
	counts  map[string]int

	reads, failed atomic.Int64

	mu    sync.Mutex // guards what follows; readers look while faults go on
	now   map[string]soakFile
	ever  map[string][]soakFile // by path: all versions
	files int
}

// soakFile is a version of a file.
type soakFile struct {
	size int
	sum  [32]byte
	seed uint64
}

// TestSoak has five members share, read, edit and delete files for a stated
// time, while they are killed, their caches damaged and filled, and their
// tracker dies. Every byte that a read returns is compared, and from time to
// time all of every mount. It runs only when asked for:
//
//	go test -race -run TestSoak -soak 30m -timeout 1h ./cmd/p2pfs
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("runs with -soak only, and for as long as that says")
	}
	needMount(t)
	needRoot(t)
	seed := *soakSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	s := &soak{t: t, r: rand.New(rand.NewPCG(seed, 1)), counts: map[string]int{}, now: map[string]soakFile{}, ever: map[string][]soakFile{}}
	s.start()
	end := time.Now().Add(*soakFor)
	for round := 1; time.Now().Before(end) && !t.Failed(); round++ {
		s.round(min(soakSettle, max(time.Until(end), time.Second)))
		s.settle()
		t.Logf("round %d: %d files, %d reads, %d of them with an error; %v", round, len(s.now), s.reads.Load(), s.failed.Load(), s.counts)
	}
	s.end()
}

// start runs the tracker and all members.
func (s *soak) start() {
	host := swarmtest.Host()
	port := swarmtest.FreePorts(s.t, host, 1)
	s.url = fmt.Sprintf("udp://%v:%d", host, port)
	s.track()
	for i := range soakMembers {
		m := &soakMember{mounted: newMounted(s.t, "soak", fmt.Sprintf("m%d", i)), s: s}
		m.log, m.level = filepath.Join(m.base, "log"), "warn"
		if *soakLog != "" {
			m.log, m.level = filepath.Join(*soakLog, m.name), "debug"
		}
		if i >= 3 { // with a disk of their own for the cache, that can be full
			tinyDisk(s.t, m.cache(), 6<<20)
			m.disk = true
		}
		s.members = append(s.members, m)
		m.run()
	}
	for _, m := range s.members {
		m.await()
	}
}

// track runs the tracker again.
func (s *soak) track() {
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.tracker = swarmtest.Start(s.t, "", "env", asCommand+"=1", self, "tracker", "--listen", strings.TrimPrefix(s.url, "udp://"))
}

// round lets faults happen, and readers read, for a while.
func (s *soak) round(d time.Duration) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 3 {
		seed := s.r.Uint64()
		wg.Go(func() { s.readers(rand.New(rand.NewPCG(seed, uint64(i))), stop) })
	}
	faults := s.faults()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		for range faults[name].weight {
			names = append(names, name)
		}
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		name := names[s.r.IntN(len(names))]
		if faults[name].do(s.members[s.r.IntN(len(s.members))]) {
			s.counts[name]++
		}
		<-time.After(time.Duration(s.r.IntN(400)) * time.Millisecond)
	}
	close(stop)
	wg.Wait()
}

// readers reads files of all mounts until stop. An error is no failure while
// members die; a wrong byte is.
func (s *soak) readers(r *rand.Rand, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(r.IntN(50)) * time.Millisecond):
		}
		s.mu.Lock()
		paths := slices.Sorted(maps.Keys(s.now))
		s.mu.Unlock()
		if len(paths) == 0 {
			continue
		}
		m, path := s.members[r.IntN(len(s.members))], paths[r.IntN(len(paths))]
		s.reads.Add(1)
		got, err := m.fresh(path)
		if err != nil {
			s.failed.Add(1)
			continue
		}
		if !s.known(path, got) {
			s.t.Errorf("%s reads %d bytes of %s that nobody ever wrote there", m.name, len(got), path)
		}
	}
}

// known reports whether a path ever held that content.
func (s *soak) known(path string, data []byte) bool {
	sum := sha256.Sum256(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.ever[path], func(f soakFile) bool { return f.sum == sum })
}

// settle ends all faults and waits until every mount shows every file as it is.
func (s *soak) settle() {
	for _, m := range s.members {
		m.heal()
	}
	for _, m := range s.members {
		m.await()
	}
	began := time.Now()
	for _, m := range s.members {
		var err error
		for err = m.whole(); err != nil && time.Since(began) < soakPatience; err = m.whole() {
			<-time.After(100 * time.Millisecond)
		}
		if err != nil {
			s.t.Errorf("%s, %v after all faults ended: %v\n%s", m.name, soakPatience, err, m.tail())
			s.explain(err)
		}
	}
	if took := time.Since(began); took > soakPatience/2 {
		s.t.Logf("settled only after %v", took)
	}
}

// explain logs what all members know of a file that one could not read.
func (s *soak) explain(err error) {
	var at *fs.PathError
	if !errors.As(err, &at) {
		return
	}
	for _, of := range s.members {
		if rel, ok := strings.CutPrefix(at.Path, of.mnt()+"/"); ok {
			for _, m := range s.members {
				state := make([]byte, 1000)
				n, err := syscall.Getxattr(m.mnt(rel), tree.AttrState, state)
				s.t.Logf("%s of %s: %v, %s", m.name, rel, err, state[:max(0, n)])
			}
		}
	}
}

// whole compares all of a mount with what is shared.
func (m *soakMember) whole() error {
	m.s.mu.Lock()
	want := maps.Clone(m.s.now)
	m.s.mu.Unlock()
	seen := 0
	err := filepath.WalkDir(m.mnt(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(m.mnt(), path)
		f, ok := want[rel]
		if !ok {
			return fmt.Errorf("%s is shown, and is shared no more", rel)
		}
		seen++
		got, err := m.fresh(rel)
		if err == nil && sha256.Sum256(got) != f.sum {
			err = fmt.Errorf("%s: %d bytes, want %d others", rel, len(got), f.size)
		}
		return err
	})
	if err == nil && seen != len(want) {
		err = fmt.Errorf("%d files are shown, want %d", seen, len(want))
	}
	return err
}

// end stops everything and looks through what was logged.
func (s *soak) end() {
	for _, m := range s.members {
		m.terminate()
		log, err := os.ReadFile(m.log)
		if err != nil {
			s.t.Error(err)
		}
		for _, bad := range []string{"panic", "DATA RACE", "fatal error", "banned"} {
			if at := bytes.Index(log, []byte(bad)); at >= 0 {
				s.t.Errorf("%s: log has %q: %.3000s", m.name, bad, log[max(0, at-500):])
			}
		}
	}
}

// write gives a member's file new content, and remembers it.
func (m *soakMember) write(path string, size int) error {
	m.s.mu.Lock()
	m.s.files++
	f := soakFile{size: size, seed: uint64(m.s.files)}
	data := swarmtest.Bytes(f.seed, size)
	f.sum = sha256.Sum256(data)
	m.s.now[path] = f
	m.s.ever[path] = append(m.s.ever[path], f)
	m.s.mu.Unlock()
	at := m.share(path)
	// Written under a name that is not shared, as careful programs do; a file
	// that grows in place may rightly be seen half.
	tmp := filepath.Join(filepath.Dir(at), "."+filepath.Base(at))
	return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(tmp, data, 0o644), os.Rename(tmp, at))
}
