//go:build linux

package tree

import (
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"p2pfs/cmd/p2pfs/human"
	p2fs "p2pfs/fs"
)

// Programs that read everything they find and that nobody has asked to, as
// patterns of path.Match: a list in lines that fit into the help.
const (
	Indexers1 = "tracker-extract*,tracker-miner-*,localsearch*,baloo_file*,recollindex,"
	Indexers2 = "updatedb*,plocate*,mlocate*,akonadi_index*,nepomuk*,strigidaemon,zeitgeist-*,"
	Indexers3 = "tumblerd,*thumbnail*,clamd,clamscan,clamonacc,wdavdaemon,falcon-sensor*,"
	Indexers4 = "savd,savscand"
	Indexers  = Indexers1 + Indexers2 + Indexers3 + Indexers4
)

// DefaultScanLimit is a few hundred files' heads.
const DefaultScanLimit = 64 << 20

const (
	// scanFiles is how many files a process looks into before it counts as
	// one that scans, if these are most of the files that it reads.
	scanFiles = 16
	// scanPart is the largest part of a file, 1/scanPart, that is a look.
	scanPart = 4
	// longLook is how many bytes of a file are none any more.
	longLook = 1 << 20
	// scanMemory is how long a process is remembered that reads nothing.
	scanMemory = 10 * time.Minute
	// maxScanned bounds the processes, and the files of each, that are remembered.
	maxScanned = 256
	// whoIsFor is how long the name of a thread's process is believed.
	whoIsFor = 5 * time.Second
)

// Scans bounds what processes make us fetch that read everything they find: by
// their names, and by what they do. Only reads of what is not here are judged.
// Safe for concurrent use.
type Scans struct {
	refused []string // patterns of names; immutable
	limit   int64    // bytes; 0: none; immutable
	log     *slog.Logger

	mu      sync.Mutex
	threads map[int]*thread  // by thread; guarded by mu
	procs   map[int]*process // by process; guarded by mu
}

// thread is whose a thread is.
type thread struct {
	proc *process
	at   time.Time // when it was looked up
}

// NewScans reads a list of patterns with commas between.
func NewScans(names string, limit int64, log *slog.Logger) (*Scans, error) {
	s := &Scans{limit: limit, log: log, threads: map[int]*thread{}, procs: map[int]*process{}}
	for _, p := range strings.Split(names, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("%s: %w", human.Quoted(p), err)
		}
		s.refused = append(s.refused, p)
	}
	return s, nil
}

// judge is asked before a thread reads n bytes of c that are not all here.
// sparing says that nothing more is to be fetched for it. The error is
// fs.ErrAgain for who gets nothing, and fs.ErrAhead for a request that may be
// for more than its program reads.
func (s *Scans) judge(tid int, c *reading, off, n int64, ahead bool) (sparing bool, err error) {
	if s == nil || tid <= 0 {
		return false, nil // a process that we cannot see
	}
	now := time.Now()
	p := s.known(tid, now)
	if p == nil {
		pid, names, err := processOf(tid)
		if err != nil {
			return false, nil // it is gone
		}
		p = s.meet(tid, pid, names, now)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.used = now
	if p.refused {
		s.tell(p, "an indexer is refused what is not here; --refuse changes the list")
		return true, p2fs.ErrAgain
	}
	l := p.look(c.path, c.node.Size, now)
	switch {
	case l.bytes >= longLook || !p.scanning(c.path):
		l.count(off, n, c.unit())
		return false, nil
	case s.limit > 0 && p.spent(s.limit, now):
		s.tell(p, "a process that reads a little of many files is refused what is not here; --scan-limit changes that")
		return true, p2fs.ErrAgain
	case ahead:
		return true, p2fs.ErrAhead
	}
	p.pulled += l.count(off, n, c.unit())
	return true, nil
}

// tell logs why a process is refused, once. mu is held.
func (s *Scans) tell(p *process, why string) {
	if !p.said {
		p.said = true
		s.log.Warn(why, "process", p.pid, "name", p.name)
	}
}

// known is the process of a thread that was met just now, else nil.
func (s *Scans) known(tid int, now time.Time) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.threads[tid]; t != nil && now.Sub(t.at) < whoIsFor {
		return t.proc
	}
	return nil
}

// meet notes whose a thread is.
func (s *Scans) meet(tid, pid int, names []string, now time.Time) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.procs[pid]
	if p == nil || p.name != names[0] {
		s.forget(now)
		p = &process{pid: pid, name: names[0], refused: s.matches(names), files: map[string]*look{}, since: now}
		s.procs[pid] = p
	}
	p.used = now
	s.threads[tid] = &thread{p, now}
	return p
}

// forget makes room. mu is held.
func (s *Scans) forget(now time.Time) {
	for pid, p := range s.procs {
		if now.Sub(p.used) > scanMemory || len(s.procs) >= maxScanned && p.pulled == 0 {
			delete(s.procs, pid)
		}
	}
	for tid, t := range s.threads {
		if now.Sub(t.at) > whoIsFor {
			delete(s.threads, tid)
		}
	}
}

// matches tells whether one of a process's names is on the list. The kernel
// keeps 15 bytes of a name, so a pattern may match it as far as it goes.
func (s *Scans) matches(names []string) bool {
	const kept = 15
	for _, pattern := range s.refused {
		for _, name := range names {
			if ok, _ := path.Match(pattern, name); ok {
				return true
			}
			if len(name) == kept && len(pattern) > kept && !strings.ContainsAny(pattern[:kept], `*?[\`) && pattern[:kept] == name {
				return true
			}
		}
	}
	return false
}
