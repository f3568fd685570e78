package settle

import (
	"slices"
	"time"

	"p2pfs/swarm/share/inode"
)

// File is one that can wait.
type File interface {
	comparable
	Path() string
	Stat() inode.Meta // as it is now
}

// Timing is how long things take.
type Timing struct {
	Still time.Duration // size and time must stand still for this long where nobody tells of writers
	Old   time.Duration // a file whose times are that far back is still without waiting
}

// Job asks for a file to be read.
type Job struct {
	ID    inode.ID
	Path  string // of one of the files that wait for it
	Still bool   // it has stood still: whether it has writers need not be known
}

// Outcome says how a Job ended.
type Outcome uint8

// The outcomes of a Job.
const (
	Done    Outcome = iota // it was read
	Busy                   // a writer has it open
	Unclear                // nobody tells whether a writer has
	Stale                  // it is not what Stat said any more
	Dropped                // it was not read, as asked
	Failed                 // it cannot be read
)

// Queue is the files that wait, for their time to come or for a Job to end.
type Queue[F File] struct {
	timing Timing
	waits  map[F]*wait[F]
	most   int                     // that were in waits
	dues   dues[F]                 // those of waits whose time is to come
	jobs   map[inode.ID][]*wait[F] // those that a Job is under way for
	lone   map[inode.ID]struct{}   // jobs that nobody waits for
	heats  map[string]heat         // by path
}

// wait is one file's.
type wait[F File] struct {
	file  F
	due   time.Time // when its time comes
	index int       // in dues, -1 if it is not there
	job   bool      // one is under way
	id    inode.ID  // of it
	asked bool      // while it was under way
	tries int       // how often a writer had it open
	stale int       // how often it was not what Stat said
	since time.Time // since when it has looked like this
}

// New returns an empty one.
func New[F File](t Timing) *Queue[F] {
	return &Queue[F]{
		timing: t, waits: map[F]*wait[F]{}, jobs: map[inode.ID][]*wait[F]{},
		lone: map[inode.ID]struct{}{}, heats: map[string]heat{},
	}
}

// Begin makes a file wait that is new or has changed: for Later, or Retry.
func (q *Queue[F]) Begin(f F, now time.Time) {
	q.End(f)
	q.waits[f] = &wait[F]{file: f, index: -1, since: now}
	q.most = max(q.most, len(q.waits))
}

// End has a file wait no longer.
func (q *Queue[F]) End(f F) {
	w := q.waits[f]
	if w == nil {
		return
	}
	q.dues.unset(w)
	q.leave(w)
	delete(q.waits, f)
	if len(q.waits) == 0 && q.most > 1000 { // maps give no room back
		q.waits, q.jobs, q.most = map[F]*wait[F]{}, map[inode.ID][]*wait[F]{}, 0
	}
}

// Waits reports whether a file does.
func (q *Queue[F]) Waits(f F) bool { return q.waits[f] != nil }

// Len returns how many files wait, and how many jobs are under way.
func (q *Queue[F]) Len() (files, jobs int) { return len(q.waits), len(q.jobs) }

// Later has a file that waits read as soon as it may be.
func (q *Queue[F]) Later(f F, now time.Time) {
	w := q.waits[f]
	m := f.Stat()
	if _, ok := q.jobs[m.ID]; ok { // under another name
		q.join(w, m.ID)
		return
	}
	at := now.Add(inode.Young(max(m.CTime, m.MTime), now))
	if h, ok := q.heats[f.Path()]; ok && h.next().After(at) {
		at = h.next()
	}
	q.dues.set(w, at)
}

// Retry has a file wait anew, and read at a time.
func (q *Queue[F]) Retry(f F, now, at time.Time) {
	q.Begin(f, now)
	q.dues.set(q.waits[f], at)
}

// Ask has a file that waits read at once, as something happened to it though
// nothing is different: its writer may have closed it.
func (q *Queue[F]) Ask(f F, now time.Time) {
	switch w := q.waits[f]; {
	case w == nil:
	case w.job:
		w.asked = true // the job may have looked before it happened
	case w.stale < 3:
		w.tries = 0
		q.Later(f, now)
	}
}

// Next returns a Job whose time has come. More is false if there is none for
// any file.
func (q *Queue[F]) Next(now time.Time) (j Job, start, more bool) {
	w := q.dues.pop(now)
	if w == nil {
		return Job{}, false, false
	}
	m := w.file.Stat()
	_, under := q.jobs[m.ID]
	q.join(w, m.ID)
	if under {
		return Job{}, false, true
	}
	return Job{ID: m.ID, Path: w.file.Path(), Still: q.stoodStill(w, m, now)}, true, true
}

// stoodStill reports whether a file may be taken for finished where nobody
// tells of writers.
func (q *Queue[F]) stoodStill(w *wait[F], m inode.Meta, now time.Time) bool {
	latest := time.Unix(0, max(m.MTime, m.CTime))
	return now.Sub(w.since) >= q.timing.Still || now.Sub(latest) > q.timing.Old
}

// Wake returns when the next file's time comes, and whether there is one.
func (q *Queue[F]) Wake() (time.Time, bool) {
	if len(q.dues) == 0 {
		return time.Time{}, false
	}
	return q.dues[0].due, true
}

func (q *Queue[F]) join(w *wait[F], id inode.ID) {
	q.dues.unset(w)
	w.job, w.id = true, id
	q.jobs[id] = append(q.jobs[id], w)
}

// leave ends w's waiting for a job.
func (q *Queue[F]) leave(w *wait[F]) {
	if !w.job {
		return
	}
	w.job = false
	ws := q.jobs[w.id]
	if i := slices.Index(ws, w); i >= 0 {
		ws = slices.Delete(ws, i, i+1)
		q.jobs[w.id] = ws
	}
	if len(ws) == 0 {
		q.lone[w.id] = struct{}{}
	}
}

// Abandoned returns the jobs that nobody waits for, and forgets them. It is to
// be asked once all that has happened is known: a file that is renamed while it
// is read comes back under its new name.
func (q *Queue[F]) Abandoned() (ids []inode.ID) {
	for id := range q.lone {
		if ws, ok := q.jobs[id]; ok && len(ws) == 0 {
			delete(q.jobs, id)
			ids = append(ids, id)
		}
		delete(q.lone, id)
	}
	return ids
}

// Ended takes the end of a Job; read says that the bytes were. Where it is Done
// or Failed it returns the files that had waited for it: it is the caller's to
// End them, or to call Later or Retry. The others go on waiting; where it is
// Stale, they are returned as well, to be looked at.
func (q *Queue[F]) Ended(id inode.ID, how Outcome, read bool, now time.Time) (files []F) {
	ws := q.jobs[id]
	delete(q.jobs, id)
	delete(q.lone, id)
	for _, w := range ws {
		w.job = false
		if p := w.file.Path(); read {
			q.heats[p] = q.heats[p].up(now)
		}
		if q.ended(w, how, now) {
			files = append(files, w.file)
		}
	}
	return files
}

// ended says how it goes on with a file, and whether the caller is told.
func (q *Queue[F]) ended(w *wait[F], how Outcome, now time.Time) bool {
	switch how {
	case Busy:
		if w.asked {
			w.tries, w.asked = 0, false
		}
		w.tries++
		q.dues.set(w, now.Add(busyDelay(w.tries-1)))
	case Unclear:
		at, soon := w.since.Add(q.timing.Still), now.Add(busyDelay(0))
		if at.Before(soon) {
			at = soon
		}
		q.dues.set(w, at)
	case Stale:
		q.dues.set(w, now.Add(busyDelay(w.stale)))
		w.stale++
		return true
	case Dropped:
		q.Later(w.file, now)
	default:
		return true
	}
	return false
}

// Cool forgets the paths that have been quiet.
func (q *Queue[F]) Cool(now time.Time) {
	for p, h := range q.heats {
		if now.Sub(h.last) > h.quiet() {
			delete(q.heats, p)
		}
	}
	if len(q.heats) == 0 {
		q.heats = map[string]heat{} // maps give no room back
	}
}
