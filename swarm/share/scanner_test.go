package share

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"p2pfs/swarm/share/ignore"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/settle"
	"p2pfs/swarm/share/tree"
)

// gone tells only files of what is not there any more.
type gone struct{ files *files }

func (g *gone) FileGone(f *tree.File) { g.files.forget(f) }
func (g *gone) DirGone(*tree.Dir)     {}

// bareScanner is one that opens nothing.
func bareScanner() *scanner {
	set := published.NewSet()
	g := &gone{&files{queue: settle.New[*tree.File](settle.Timing{}), trouble: map[string]string{}}}
	g.files.tree = tree.New(published.NewLedger(set, published.NewOutbox(set)), g, ignore.Temporary())
	return &scanner{
		ctx: context.Background(), log: slog.New(slog.DiscardHandler), folder: &folder{disks: inode.NewDisks(nil)},
		tree: g.files.tree, work: tree.NewWork(), files: g.files,
	}
}

func fileMeta(n int64) inode.Meta {
	return inode.Meta{ID: inode.ID{Dev: 1, Ino: 2, Size: n, MTime: n}, CTime: n, Mode: 0o644}
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
		sc := bareScanner()
		d, _ := sc.tree.PutDir(sc.tree.Root, "d", inode.Meta{})
		if n := sc.look(d, "f", fileMeta(5), nil); n == nil {
			t.Fatal("a new file is not asked for")
		}
		sc.tree.Begin(time.Now())
		sc.look(d, "f", inode.Meta{}, c.err)
		sc.look(d, "new", inode.Meta{}, c.err)
		sc.tree.ForgetUnseen(d)
		if ok := d.File("f") != nil; ok != c.file {
			t.Errorf("%s: known %v, want %v", name, ok, c.file)
		}
		if got := skipped(sc.tree.LeftOut()); name != "disk" && name != "memory" && got != 2*c.odd {
			t.Errorf("%s: %d skipped, want %d", name, got, 2*c.odd)
		}
		if n, _ := sc.files.queue.Len(); (n == 1) != c.file || n > 1 {
			t.Errorf("%s: %d waiting", name, n)
		}
	}
}

func skipped(_, unfit int) int { return unfit }
