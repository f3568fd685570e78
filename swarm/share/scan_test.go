package share

import (
	"context"
	"io/fs"
	"log/slog"
	"syscall"
	"testing"
	"time"
)

// bareLoop is a loop that does not run, of a Share that has no goroutine.
func bareLoop() *loop {
	s := &Share{
		timing: defaultTiming(), log: slog.New(slog.DiscardHandler),
		hashers: &hashers{jobs: map[ident]*job{}}, writers: writers,
		disks: newDisks(nil),
	}
	return newLoop(context.Background(), s, nil)
}

func fileMeta(n int64) meta {
	return meta{ident: ident{dev: 1, ino: 2, size: n, mtime: n}, ctime: n, mode: 0o644}
}

func TestStatErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		file bool // the file is still known
		odd  int
	}{
		"gone":          {syscall.ENOENT, false, 0},
		"no directory":  {syscall.ENOTDIR, false, 0},
		"disk":          {syscall.EIO, true, 0},
		"memory":        {syscall.ENOMEM, true, 0},
		"no permission": {syscall.EACCES, false, 1},
	} {
		l := bareLoop()
		sc := l.scanner
		d := newDir(sc.root, "d")
		if n := sc.look(d, "f", fileMeta(5), nil); n == nil {
			t.Fatal("a new file is not asked for")
		}
		sc.gen++
		sc.look(d, "f", meta{}, c.err)
		sc.look(d, "new", meta{}, c.err)
		sc.forgetUnseen(d)
		if _, ok := d.files["f"]; ok != c.file {
			t.Errorf("%s: known %v, want %v", name, ok, c.file)
		}
		if got := sc.oddSeen[1]; name != "disk" && name != "memory" && got != 2*c.odd {
			t.Errorf("%s: %d skipped, want %d", name, got, 2*c.odd)
		}
		if l.settler.waiting != len(d.files) {
			t.Errorf("%s: %d waiting, want %d", name, l.settler.waiting, len(d.files))
		}
	}
}

// TestCloseWhileAsked: the writer closes the file just when the job, which saw
// it open, has not said so yet.
func TestCloseWhileAsked(t *testing.T) {
	l := bareLoop()
	st := l.settler
	d := newDir(l.scanner.root, "d")
	n := l.scanner.look(d, "f", fileMeta(5), nil)
	n.wait.tries = 20
	j := &job{id: n.meta.ident, path: "d/f"}
	st.join(n.wait, j)
	st.ask(n)
	if n.wait.job != j {
		t.Fatal("the job was left")
	}
	start := time.Now()
	st.onResult(result{job: j, err: errBusy})
	if in := n.wait.due.Sub(start); in > 100*time.Millisecond {
		t.Errorf("asked again in %v", in)
	}
	st.join(n.wait, j)
	n.wait.tries = 20
	st.onResult(result{job: j, err: errBusy})
	if in := n.wait.due.Sub(start); in < time.Second {
		t.Errorf("nothing happened, but asked again in %v", in)
	}
}

// TestStaleForEver: a filesystem that says one thing of the path and another
// of the open file does not keep us busy.
func TestStaleForEver(t *testing.T) {
	l := bareLoop()
	st := l.settler
	d := newDir(l.scanner.root, "d")
	n := l.scanner.look(d, "f", fileMeta(5), nil)
	for range 10 {
		j := &job{id: n.meta.ident, path: "d/f"}
		st.join(n.wait, j)
		st.onResult(result{job: j, err: errStale})
		l.scanner.how = byEvent
		l.scanner.look(d, "f", fileMeta(5), nil) // nothing new
	}
	if in := time.Until(n.wait.due); in < time.Second {
		t.Errorf("tried again in %v", in)
	}
}

func TestAgenda(t *testing.T) {
	now := time.Unix(1e9, 0)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		ask  func(a *agenda)
		want time.Time
	}{
		"nothing":      {func(*agenda) {}, at(60)},
		"soon":         {func(a *agenda) { a.walkBy(at(9)); a.walkBy(at(5)); a.walkBy(at(7)) }, at(5)},
		"later anyway": {func(a *agenda) { a.walkBy(at(90)) }, at(60)},
		"now":          {func(a *agenda) { a.walkBy(at(5)); a.walkNow() }, now},
	} {
		a := newAgenda()
		c.ask(a)
		a.ended(now, at(60))
		if a.next != c.want {
			t.Errorf("%s: next walk at %v, want %v", name, a.next, c.want)
		}
	}
	a := newAgenda()
	d := newDir(nil, "")
	a.hurry(d)
	a.visit(d)
	if len(a.urgent) != 1 || len(a.walk) != 0 || pop(&a.urgent) != d || d.queued || a.pressing() {
		t.Errorf("a directory is queued more than once: %+v", a)
	}
	a.mark(d, "x")
	a.mark(d, "x")
	a.mark(d, "y")
	if got, names := a.takeDirty(); got != d || len(names) != 2 || a.pressing() {
		t.Errorf("got %v %v", got, names)
	}
}

func TestReasonsHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for r := ignored; r <= unreadable; r++ {
		if s := r.String(); s == "" || seen[s] {
			t.Errorf("reason %d: %q", r, s)
		}
		seen[r.String()] = true
	}
	for _, k := range []Kind{Regular, Symlink, Dir, 99} {
		if k.String() == "" {
			t.Errorf("kind %d has no word", k)
		}
	}
	if !missing(&fs.PathError{Err: syscall.ELOOP}) || missing(syscall.EIO) {
		t.Error("missing is wrong")
	}
}
