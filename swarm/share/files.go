package share

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"p2pfs/swarm/share/hasher"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/record"
	"p2pfs/swarm/share/serve"
	"p2pfs/swarm/share/settle"
	"p2pfs/swarm/share/tree"
)

// files takes regular files from found to published. Owned by loop.
type files struct {
	s     *Share
	ctx   context.Context // ends with the loop
	tree  *tree.Tree
	work  *tree.Work
	queue *settle.Queue[*tree.File]

	trouble map[string]string // by path: what was logged last
	hashed  int               // files read
}

func newFiles(ctx context.Context, s *Share, t *tree.Tree, w *tree.Work) *files {
	return &files{
		s: s, ctx: ctx, tree: t, work: w,
		queue: settle.New[*tree.File](s.timing.Timing), trouble: map[string]string{},
	}
}

// forget takes a file out that is no more.
func (st *files) forget(f *tree.File) {
	st.queue.End(f)
	delete(st.trouble, f.Path())
}

// begin takes a file that is new or has changed. It is not published as it is
// until recall, or a job.
func (st *files) begin(f *tree.File) {
	now := time.Now()
	st.queue.Begin(f, now)
	if f.Meta.Size == 0 {
		st.queue.Later(f, now)
	}
}

// recall publishes what has been hashed before, and sends the rest to be
// settled.
func (st *files) recall(found []*tree.File) {
	if len(found) == 0 {
		return
	}
	metas := make([]inode.Meta, len(found))
	for i, f := range found {
		metas[i] = f.Meta
	}
	sums := make([]record.Summary, len(found))
	st.s.records.Lookup(metas, func(i int, sum record.Summary) { sums[i] = sum })
	now := time.Now()
	for i, f := range found {
		if !st.queue.Waits(f) || f.Meta.ID != metas[i].ID {
			continue
		}
		if sums[i] == (record.Summary{}) || !st.publish(f, sums[i], nil, now) {
			st.queue.Later(f, now)
		}
	}
}

// startDue starts jobs whose time has come, some at a time, while the pool has
// room.
func (st *files) startDue(now time.Time) (any bool) {
	for range 64 {
		if !st.s.pool.Room() {
			return any
		}
		j, ok := st.queue.Next(now)
		if !ok {
			return any
		}
		st.s.pool.Start(j.ID, j.Path, j.Still)
		any = true
	}
	return any
}

// dropAbandoned ends jobs that nobody waits for.
func (st *files) dropAbandoned() {
	for _, id := range st.queue.Abandoned() {
		st.s.pool.Drop(id)
	}
}

// onResult takes a job's end.
func (st *files) onResult(r hasher.Result, now time.Time) {
	if r.Read {
		st.hashed++
	}
	if r.Err == nil && r.Hashes != nil {
		// Kept though nobody may wait for it any more. It is published at
		// once, while its record waits for the file's data to be on disk.
		st.s.records.Put(r.Job.ID, r.Summary, r.Hashes)
	}
	if !st.s.pool.Ended(r) {
		return
	}
	how := st.outcome(r.Err)
	for _, f := range st.queue.Ended(r.Job.ID, how, r.Read, now) {
		switch {
		case how == settle.Stale:
			st.work.Mark(f.Dir, f.Name)
		case how == settle.Failed:
			st.giveUp(f, r.Err, now)
		case !st.publish(f, r.Summary, r.Hashes, now):
			st.queue.Later(f, now)
		}
	}
}

func (st *files) outcome(err error) settle.Outcome {
	switch {
	case err == nil:
		return settle.Done
	case errors.Is(err, hasher.ErrBusy):
		return settle.Busy
	case errors.Is(err, hasher.ErrUnclear):
		return settle.Unclear
	case errors.Is(err, inode.ErrStale), inode.Missing(err):
		return settle.Stale
	case errors.Is(err, hasher.ErrDropped), st.ctx.Err() != nil:
		return settle.Dropped
	}
	return settle.Failed
}

// giveUp leaves a file that cannot be read for later, and says so once.
func (st *files) giveUp(f *tree.File, err error, now time.Time) {
	again := st.s.timing.again
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		again = time.Second
	}
	if denied(err) {
		st.tree.Publish(f, nil, now)
	}
	st.queue.Retry(f, now, now.Add(again))
	if p := f.Path(); st.trouble[p] != err.Error() {
		st.trouble[p] = err.Error()
		st.s.log.Warn("file cannot be shared", "path", p, "err", err)
	}
}

func denied(err error) bool { return errors.Is(err, fs.ErrPermission) }

// doubt forgets what a reader found wrong about a file as it is published now.
func (st *files) doubt(f *tree.File, how serve.Doubt, now time.Time) {
	if how == serve.Unhashed {
		st.s.records.Drop(f.Pub.ID)
	}
	st.tree.Publish(f, nil, now)
	st.queue.Begin(f, now)
	st.queue.Later(f, now)
}

// publish publishes a regular file by what is known of its contents. It
// returns false if the hashes turn out to be lost.
func (st *files) publish(f *tree.File, sum record.Summary, h *record.Hashes, now time.Time) bool {
	id := f.Meta.ID
	if t := st.s.torrents; id.Size > 0 && sum.Tag != t.Tag(f.Name, sum.Root) { // it has had another name
		if h == nil {
			h = st.s.records.Hashes(id)
		}
		if h == nil || h.Root != sum.Root {
			return false
		}
		t.Name(&sum, f.Name, id.Size, h.Pieces)
		st.s.records.Put(id, sum, nil)
	}
	e := &published.Entry{Dir: f.Dir.Path, Name: f.Name, ID: id, Kind: Regular, Exec: f.Meta.Executable()}
	if id.Size > 0 {
		e.Root, e.V1, e.V2 = sum.Root, sum.V1, sum.V2
	}
	e.CTime.Store(sum.CTime)
	if id.Size > 0 && !sum.Sound {
		e.CTime.Store(published.Doubted)
	}
	st.queue.End(f)
	delete(st.trouble, f.Path())
	st.tree.Publish(f, e, now)
	return true
}
