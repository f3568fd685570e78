package share

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/share/hasher"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/settle"
	"p2pfs/swarm/share/tree"
)

// While the pool has no room the loop sleeps until that changes: files whose time
// has come do not keep it awake.
func TestNoRoomIsWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing is read
	s := &Share{timing: defaultTiming(), set: published.NewSet()}
	s.pool = hasher.New(ctx, hasher.Config{Guard: guard.New(nil)})
	s.pool.Wait()
	out := published.NewOutbox(s.set)
	l := &loop{s: s, work: tree.NewWork(), ledger: published.NewLedger(s.set, out)}
	l.files = &files{s: s, queue: settle.New[*tree.File](s.timing.Timing)}
	now := time.Now()
	next := now.Add(time.Hour)
	l.work.EndWalk(now, next)
	root := tree.New(l.ledger, l, nil).Root
	wait := func(n int) {
		f := &tree.File{Dir: root, Name: fmt.Sprint("f", n), Meta: inode.Meta{ID: inode.ID{Ino: uint64(n), Size: 1}, Mode: os.FileMode(0o644)}}
		l.files.queue.Retry(f, now, now)
	}
	wait(0)
	if at := l.wakeAt(); at.After(now) {
		t.Errorf("a file whose time has come waits for %v", at.Sub(now))
	}
	for n := 1; s.pool.Room(); n++ {
		wait(n)
		l.files.startDue(now)
	}
	wait(1_000_000) // not asked for yet
	if at := l.wakeAt(); !at.Equal(next) {
		t.Errorf("woken %v before there is room", next.Sub(at))
	}
}
