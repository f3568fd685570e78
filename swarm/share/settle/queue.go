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
	timing   Timing
	waits    map[F]*wait[F]
	most     int                      // that were in waits
	timers   timers[F]                // those of waits whose time is to come
	ready    ready[F]                 // those whose time has come
	jobs     map[inode.ID]*reading[F] // under way
	lone     map[*reading[F]]struct{} // those of jobs that nobody waits for
	backoffs backoffs
}

// wait is one file's.
type wait[F File] struct {
	file  F
	due   time.Time   // when its time comes
	since time.Time   // since when it has looked like this
	index int         // in timers, -1 if it is not there
	job   *reading[F] // what it waits for
	tries uint16      // how often a writer had it open
	stale uint16      // how often it was not what Stat said
	asked bool        // while job was under way
	ready bool        // it is in Queue.ready
}

// reading is a Job under way.
type reading[F File] struct {
	id    inode.ID
	waits []*wait[F]
}

// New returns an empty one.
func New[F File](t Timing) *Queue[F] {
	return &Queue[F]{
		timing: t, waits: map[F]*wait[F]{}, jobs: map[inode.ID]*reading[F]{},
		lone: map[*reading[F]]struct{}{}, backoffs: newBackoffs(),
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
	q.timers.unset(w)
	q.ready.unset(w)
	q.leave(w)
	delete(q.waits, f)
	if len(q.waits) == 0 && q.most > 1000 { // maps give no room back
		q.waits, q.most = map[F]*wait[F]{}, 0
	}
}

// Waits reports whether a file does.
func (q *Queue[F]) Waits(f F) bool { return q.waits[f] != nil }

// Len returns how many files wait, and how many jobs are under way, or would be
// if Next were called.
func (q *Queue[F]) Len() (files, jobs int) { return len(q.waits), len(q.jobs) + q.ready.n }

// Later has a file that waits read as soon as it may be.
func (q *Queue[F]) Later(f F, now time.Time) {
	w := q.waits[f]
	m := f.Stat()
	if j := q.jobs[m.ID]; j != nil { // under another name
		q.join(w, j)
		return
	}
	at := now.Add(inode.Young(max(m.CTime, m.MTime), now))
	if next := q.backoffs.next(f.Path()); next.After(at) {
		at = next
	}
	q.set(w, at)
}

// Retry has a file wait anew, and read at a time.
func (q *Queue[F]) Retry(f F, now, at time.Time) {
	q.Begin(f, now)
	q.set(q.waits[f], at)
}

// Ask has a file that waits read at once, as something happened to it though
// nothing is different: its writer may have closed it.
func (q *Queue[F]) Ask(f F, now time.Time) {
	switch w := q.waits[f]; {
	case w == nil:
	case w.job != nil:
		w.asked = true // the job may have looked before it happened
	case w.stale < 3:
		w.tries = 0
		q.Later(f, now)
	}
}

// set has w's time come at due.
func (q *Queue[F]) set(w *wait[F], due time.Time) {
	q.ready.unset(w)
	q.timers.set(w, due)
}

// Next returns a Job whose time has come, and whether there is one.
func (q *Queue[F]) Next(now time.Time) (Job, bool) {
	for w := q.timers.pop(now); w != nil; w = q.timers.pop(now) {
		q.ready.add(w)
	}
	for w := q.ready.take(); w != nil; w = q.ready.take() {
		m := w.file.Stat()
		j := q.jobs[m.ID]
		if j != nil {
			q.join(w, j)
			continue
		}
		j = &reading[F]{id: m.ID}
		q.jobs[m.ID] = j
		q.join(w, j)
		return Job{ID: m.ID, Path: w.file.Path(), Still: q.stoodStill(w, m, now)}, true
	}
	return Job{}, false
}

// stoodStill reports whether a file may be taken for finished where nobody
// tells of writers.
func (q *Queue[F]) stoodStill(w *wait[F], m inode.Meta, now time.Time) bool {
	latest := time.Unix(0, max(m.MTime, m.CTime))
	return now.Sub(w.since) >= q.timing.Still || now.Sub(latest) > q.timing.Old
}

// Wake returns when the next file's time comes, the zero time where one's has
// come, and whether there is one.
func (q *Queue[F]) Wake() (time.Time, bool) {
	if q.ready.n > 0 || len(q.timers) == 0 {
		return time.Time{}, q.ready.n > 0
	}
	return q.timers[0].due, true
}

func (q *Queue[F]) join(w *wait[F], j *reading[F]) {
	q.timers.unset(w)
	q.ready.unset(w)
	w.job = j
	j.waits = append(j.waits, w)
}

// leave ends w's waiting for a job.
func (q *Queue[F]) leave(w *wait[F]) {
	j := w.job
	if j == nil {
		return
	}
	w.job = nil
	if i := slices.Index(j.waits, w); i >= 0 {
		j.waits = slices.Delete(j.waits, i, i+1)
	}
	if len(j.waits) == 0 {
		q.lone[j] = struct{}{}
	}
}

// Abandoned returns the jobs that nobody waits for, and forgets them. It is to
// be asked once all that has happened is known: a file that is renamed while it
// is read comes back under its new name.
func (q *Queue[F]) Abandoned() (ids []inode.ID) {
	for j := range q.lone {
		if len(j.waits) == 0 && q.jobs[j.id] == j {
			delete(q.jobs, j.id)
			ids = append(ids, j.id)
		}
		delete(q.lone, j)
	}
	return ids
}

// Ended takes the end of a Job; read says that the bytes were. Where it is Done
// or Failed it returns the files that had waited for it: it is the caller's to
// End them, or to call Later or Retry. The others go on waiting; where it is
// Stale, they are returned as well, to be looked at.
func (q *Queue[F]) Ended(id inode.ID, how Outcome, read bool, now time.Time) (files []F) {
	j := q.jobs[id]
	if j == nil {
		return nil
	}
	delete(q.jobs, id)
	delete(q.lone, j)
	for _, w := range j.waits {
		w.job = nil
		if read {
			q.backoffs.note(w.file.Path(), w.file.Stat(), now)
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
		w.tries = min(w.tries+1, most)
		q.set(w, now.Add(busyDelay(int(w.tries)-1)))
	case Unclear:
		at, soon := w.since.Add(q.timing.Still), now.Add(busyDelay(0))
		if at.Before(soon) {
			at = soon
		}
		q.set(w, at)
	case Stale:
		q.set(w, now.Add(busyDelay(int(w.stale))))
		w.stale = min(w.stale+1, most)
		return true
	case Dropped:
		q.Later(w.file, now)
	default:
		return true
	}
	return false
}

// most is what is counted of tries.
const most = 1000

// Forgive forgets the paths that have been quiet. It is to be called now and then.
func (q *Queue[F]) Forgive(now time.Time) { q.backoffs.forgive(now) }
