package hasher

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/record"
)

// BigFile and more goes to the worker for big files, so that they never keep
// small ones waiting.
const BigFile = 16 << 20

// Records are what is known of files from before.
type Records interface {
	Find(id inode.ID) (record.Summary, bool)
	Hashes(id inode.ID) *record.Hashes
	Full() bool // no more can be taken just now
}

// Config is what a Pool is made from. All must be set but Hash.
type Config struct {
	Open     func(path string) (*os.File, inode.Meta, error) // as inode.Open
	Writers  func(*os.File) inode.Writing
	Disks    *inode.Disks // told where filesystems are
	Records  Records
	Torrents Torrents
	Guard    *guard.Guard

	// Hash reads a file in place of hashing.File, in tests.
	Hash func(f *os.File, j *Job) (hashing.FileHashes, error)
}

// Job is one file to be read.
type Job struct {
	ID    inode.ID
	Path  string // where it was found; base name and options are its infohashes'
	Still bool   // it has stood still: whether it has writers need not be known

	done    atomic.Int64 // bytes
	dropped atomic.Bool
}

// Result is the end of a Job.
type Result struct {
	Job     *Job
	Summary record.Summary
	Hashes  *record.Hashes // nil for an empty file
	Read    bool           // its bytes were, successfully or not
	Err     error
}

// Progress is a file being read.
type Progress struct {
	Path       string
	Done, Size int64 // bytes
}

// Pool runs jobs.
type Pool struct {
	Config
	ctx        context.Context // ends its goroutines
	workers    sync.WaitGroup
	small, big chan *Job
	results    chan Result
	smallQ     []*Job // what the channels have no room for
	bigQ       []*Job
	jobs       map[inode.ID]*Job      // neither ended nor dropped
	working    []*atomic.Pointer[Job] // a slot a worker
}

// New begins a Pool, which ends with ctx; see Wait.
func New(ctx context.Context, cfg Config) *Pool {
	p := &Pool{
		Config:  cfg,
		ctx:     ctx,
		small:   make(chan *Job, 128),
		big:     make(chan *Job, 1),
		results: make(chan Result, 128),
		jobs:    map[inode.ID]*Job{},
	}
	if p.Hash == nil {
		p.Hash = func(f *os.File, j *Job) (hashing.FileHashes, error) { return j.Hash(ctx, f) }
	}
	p.start(p.big)
	for range max(2, runtime.GOMAXPROCS(0)) {
		p.start(p.small)
	}
	return p
}

func (p *Pool) start(jobs <-chan *Job) {
	slot := new(atomic.Pointer[Job])
	p.working = append(p.working, slot)
	p.workers.Go(func() {
		for {
			select {
			case j := <-jobs:
				slot.Store(j)
				r := Result{Job: j}
				if err := p.Guard.Do(func() { r = p.do(j) }); err != nil {
					r.Err = err
				}
				slot.Store(nil)
				if !p.yield(r) {
					return
				}
			case <-p.ctx.Done():
				return
			}
		}
	})
}

// yield hands out a result, rather than to end.
func (p *Pool) yield(r Result) bool {
	select {
	case p.results <- r:
		return true
	default:
	}
	select {
	case p.results <- r:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// Room reports whether Start is of use: a job more would not only wait.
func (p *Pool) Room() bool { return len(p.smallQ) < cap(p.small) }

// Start adds a job: it begins when Feed is called and there is room.
func (p *Pool) Start(id inode.ID, path string, still bool) {
	j := &Job{ID: id, Path: path, Still: still}
	p.jobs[id] = j
	if id.Size < BigFile {
		p.smallQ = append(p.smallQ, j)
	} else {
		p.bigQ = append(p.bigQ, j)
	}
}

// Feed hands out jobs that workers have room for.
func (p *Pool) Feed() {
	if (len(p.smallQ) > 0 || len(p.bigQ) > 0) && !p.Records.Full() {
		p.smallQ = offer(p.small, p.smallQ)
		p.bigQ = offer(p.big, p.bigQ)
	}
}

func offer(to chan<- *Job, queue []*Job) []*Job {
	for len(queue) > 0 {
		if queue[0].dropped.Load() {
			queue = queue[1:]
			continue
		}
		select {
		case to <- queue[0]:
			queue = queue[1:]
		default:
			return queue
		}
	}
	return nil
}

// Drop ends a job that nobody waits for. Its result may still come.
func (p *Pool) Drop(id inode.ID) {
	if j := p.jobs[id]; j != nil {
		j.dropped.Store(true)
		delete(p.jobs, id)
	}
}

// Results yields the ends of jobs.
func (p *Pool) Results() <-chan Result { return p.results }

// Ended notes that a Result was taken, and reports whether it is of a job that
// was not dropped.
func (p *Pool) Ended(r Result) bool {
	if p.jobs[r.Job.ID] != r.Job {
		return false
	}
	delete(p.jobs, r.Job.ID)
	return true
}

// Wait waits for all goroutines to end, after ctx, and returns results that
// nobody took.
func (p *Pool) Wait() (late []Result) {
	p.workers.Wait()
	for {
		select {
		case r := <-p.results:
			late = append(late, r)
		default:
			return late
		}
	}
}

// Progress lists the files being read.
func (p *Pool) Progress() (list []Progress) {
	for _, slot := range p.working {
		if j := slot.Load(); j != nil {
			list = append(list, Progress{Path: j.Path, Done: j.done.Load(), Size: j.ID.Size})
		}
	}
	return list
}
