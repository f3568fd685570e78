package settle

import (
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/share/inode"
)

func TestBackoffGrowsAndEnds(t *testing.T) {
	start := start
	var h backoff
	now := start
	var gaps []time.Duration
	for range 12 { // a file that has always changed again when it may be hashed
		if next := h.next(); next.After(now) {
			now = next
		}
		gaps = append(gaps, now.Sub(start))
		start = now
		h = h.up(now)
	}
	want := []time.Duration{0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	for i := range want {
		if gaps[i] != want[i]*time.Second {
			t.Fatalf("got %v, want %v seconds", gaps, want)
		}
	}
	if far := h.up(now.Add(h.quiet())); far.delay() != lastBackoff {
		t.Errorf("forgiven after %v already", h.quiet())
	}
	if near := h.up(now.Add(h.quiet() + 1)); near.delay() != 0 {
		t.Errorf("delay %v after %v of quiet, want none", near.delay(), h.quiet())
	}
}

func TestBusyDelay(t *testing.T) {
	last := time.Duration(0)
	for tries := range 100 {
		d := busyDelay(tries)
		if d < last || d <= 0 || d > 5*time.Second {
			t.Fatalf("busyDelay(%d) = %v after %v", tries, d, last)
		}
		last = d
	}
	if first := busyDelay(0); first > 50*time.Millisecond {
		t.Errorf("first delay is %v", first)
	}
	if last != 5*time.Second {
		t.Errorf("grows to %v, want 5s", last)
	}
}

func TestTimersComeInOrder(t *testing.T) {
	var d timers[*file]
	waits := make([]*wait[*file], 50)
	for i := range waits {
		waits[i] = &wait[*file]{index: -1}
		d.set(waits[i], start.Add(time.Duration(i*37%50)*time.Second))
	}
	d.set(waits[0], start.Add(time.Hour)) // moved
	d.unset(waits[1])
	d.unset(waits[1])
	last := start
	for n := range 48 {
		w := d.pop(start.Add(time.Minute))
		if w == nil || w.due.Before(last) || w == waits[0] || w == waits[1] {
			t.Fatalf("pop %d: got %+v after %v", n, w, last)
		}
		last = w.due
	}
	if w := d.pop(start.Add(time.Minute)); w != nil {
		t.Errorf("popped what is not due: %+v", w)
	}
	if w := d.pop(start.Add(time.Hour)); w != waits[0] {
		t.Errorf("got %+v, want the one that was moved", w)
	}
}

// file is one that a test has wait.
type file struct {
	path string
	meta inode.Meta
}

func (f *file) Path() string     { return f.path }
func (f *file) Stat() inode.Meta { return f.meta }

var start = time.Unix(1e9, 0)

// newFile is one that was written an hour ago.
func newFile(path string, ino uint64) *file {
	long := start.Add(-time.Hour).UnixNano()
	return &file{path, inode.Meta{ID: inode.ID{Dev: 1, Ino: ino, Size: 5, MTime: long}, CTime: long}}
}

func newQueue() *Queue[*file] {
	return New[*file](Timing{Still: 2 * time.Second, Old: 10 * time.Second})
}

// job returns the one whose time has come.
func job(t *testing.T, q *Queue[*file], now time.Time) Job {
	t.Helper()
	j, ok := q.Next(now)
	if !ok {
		t.Fatalf("no job at %v", now.Sub(start))
	}
	return j
}

func (q *Queue[F]) begin(f F, now time.Time) {
	q.Begin(f, now)
	q.Later(f, now)
}

// due returns when the next file's time comes, from start on.
func due(t *testing.T, q *Queue[*file]) time.Duration {
	t.Helper()
	at, ok := q.Wake()
	if !ok {
		t.Fatal("nothing is due")
	}
	return at.Sub(start)
}

func TestReadOnceUnderAllNames(t *testing.T) {
	q := newQueue()
	a, b, other := newFile("a", 1), newFile("b", 1), newFile("other", 2)
	q.begin(a, start)
	q.begin(other, start)
	first := job(t, q, start)
	q.begin(b, start) // the same inode: joins
	second := job(t, q, start)
	if ids := []inode.ID{first.ID, second.ID}; first.ID == second.ID || !first.Still || !slices.Contains(ids, a.meta.ID) {
		t.Errorf("jobs %+v and %+v", first, second)
	}
	if _, ok := q.Next(start); ok {
		t.Error("a third job")
	}
	files := q.Ended(a.meta.ID, Done, true, start)
	if len(files) != 2 || !slices.Contains(files, a) || !slices.Contains(files, b) {
		t.Errorf("ended for %v", files)
	}
	for _, f := range files {
		q.End(f)
	}
	if n, jobs := q.Len(); n != 1 || jobs != 1 || q.Waits(a) || !q.Waits(other) {
		t.Errorf("%d wait, %d jobs", n, jobs)
	}
}

func TestRenamedWhileItIsRead(t *testing.T) {
	q := newQueue()
	a, b := newFile("a", 1), newFile("b", 1)
	q.begin(a, start)
	job(t, q, start)
	q.End(a)
	q.begin(b, start)
	if ids := q.Abandoned(); len(ids) != 0 {
		t.Errorf("abandoned: %v", ids)
	}
	q.End(b)
	if ids := q.Abandoned(); len(ids) != 1 || ids[0] != a.meta.ID {
		t.Errorf("abandoned: %v, want the one job", ids)
	}
	if n, jobs := q.Len(); n != 0 || jobs != 0 {
		t.Errorf("%d wait, %d jobs", n, jobs)
	}
}

func TestFreshFileWaitsForTheClock(t *testing.T) {
	q := newQueue()
	f := newFile("f", 1)
	f.meta.CTime = start.Add(-5 * time.Millisecond).UnixNano()
	q.begin(f, start)
	if at := due(t, q); at != 20*time.Millisecond {
		t.Errorf("due in %v", at)
	}
}

func TestUnclearStandsStill(t *testing.T) {
	q := newQueue()
	f := newFile("f", 1)
	f.meta.MTime = start.Add(-time.Second).UnixNano()
	q.begin(f, start)
	if j := job(t, q, start); j.Still {
		t.Error("said to have stood still")
	}
	q.Ended(f.meta.ID, Unclear, false, start)
	if at := due(t, q); at != 2*time.Second {
		t.Errorf("asked again after %v, want 2s", at)
	}
	if j := job(t, q, start.Add(2*time.Second)); !j.Still {
		t.Error("not said to have stood still")
	}
}

// TestCloseWhileAsked: the writer closes the file just when the job, which saw
// it open, has not said so yet.
func TestCloseWhileAsked(t *testing.T) {
	q := newQueue()
	f := newFile("f", 1)
	q.begin(f, start)
	now := start
	for range 20 {
		job(t, q, now)
		q.Ended(f.meta.ID, Busy, false, now)
		now, _ = q.Wake()
	}
	job(t, q, now)
	q.Ask(f, now)
	q.Ended(f.meta.ID, Busy, false, now)
	at, _ := q.Wake()
	if in := at.Sub(now); in > 100*time.Millisecond {
		t.Errorf("asked again in %v", in)
	}
	for range 20 {
		now, _ = q.Wake()
		job(t, q, now)
		q.Ended(f.meta.ID, Busy, false, now)
	}
	if at, _ = q.Wake(); at.Sub(now) < time.Second {
		t.Errorf("nothing happened, but asked again in %v", at.Sub(now))
	}
	q.Ask(f, now)
	if at, _ = q.Wake(); at != now {
		t.Errorf("something happened, but asked again in %v", at.Sub(now))
	}
}

// TestStaleForEver: a filesystem that says one thing of the path and another
// of the open file does not keep us busy.
func TestStaleForEver(t *testing.T) {
	q := newQueue()
	f := newFile("f", 1)
	q.begin(f, start)
	now := start
	for range 10 {
		job(t, q, now)
		if files := q.Ended(f.meta.ID, Stale, false, now); len(files) != 1 {
			t.Fatalf("to be looked at: %v", files)
		}
		q.Ask(f, now) // an event, but nothing new
		now, _ = q.Wake()
	}
	job(t, q, now)
	q.Ended(f.meta.ID, Stale, false, now)
	if at, _ := q.Wake(); at.Sub(now) < time.Second {
		t.Errorf("tried again in %v", at.Sub(now))
	}
}

// granule is longer than two changes take to be told apart.
const granule = 30 * time.Millisecond

func TestChangesAgainAndAgain(t *testing.T) {
	q := newQueue()
	f := newFile("f", 1)
	now := start
	var gaps []time.Duration
	for range 5 {
		f.meta.Size++
		f.meta.MTime = now.Add(-granule).UnixNano()
		q.begin(f, now)
		at, _ := q.Wake()
		gaps = append(gaps, at.Sub(now))
		now = at
		job(t, q, now)
		q.Ended(f.meta.ID, Done, true, now)
		q.End(f)
	}
	if want := []time.Duration{0, 0, 2 * time.Second, 4 * time.Second, 8 * time.Second}; !slices.Equal(gaps, want) {
		t.Errorf("got %v, want %v", gaps, want)
	}
	old := newFile("old", 7)
	q.begin(old, now)
	job(t, q, now)
	q.Ended(old.meta.ID, Done, true, now)
	if n := len(q.backoffs.all); n != 1 {
		t.Errorf("%d paths are remembered, want the one that changes", n)
	}
	q.Forgive(now.Add(time.Hour))
	if len(q.backoffs.all) != 0 {
		t.Error("not forgiven")
	}
}

func TestRetryAndDropped(t *testing.T) {
	q := newQueue()
	f := newFile("f", 1)
	q.begin(f, start)
	job(t, q, start)
	if files := q.Ended(f.meta.ID, Failed, false, start); len(files) != 1 {
		t.Fatalf("failed for %v", files)
	}
	q.Retry(f, start, start.Add(time.Minute))
	if at := due(t, q); at != time.Minute {
		t.Errorf("due in %v", at)
	}
	job(t, q, start.Add(time.Minute))
	q.Ended(f.meta.ID, Dropped, false, start.Add(time.Hour))
	if at := due(t, q); at != time.Hour {
		t.Errorf("due in %v", at)
	}
}

func TestMoreThanCanBeRead(t *testing.T) {
	q := newQueue()
	files := make([]*file, 100)
	for i := range files {
		files[i] = newFile(string(rune('A'+i)), uint64(i))
		q.begin(files[i], start)
	}
	job(t, q, start)
	if n, jobs := q.Len(); n != 100 || jobs != 100 {
		t.Errorf("%d wait, %d jobs; want those that are ready to count", n, jobs)
	}
	for _, f := range files[:50] { // whichever was begun
		q.End(f)
	}
	begun := 0
	for _, ok := q.Next(start); ok; _, ok = q.Next(start) {
		begun++
	}
	if n, jobs := q.Len(); n != 50 || begun < 49 || jobs != begun+1 {
		t.Errorf("%d wait, %d jobs, %d begun", n, jobs, begun)
	}
}
