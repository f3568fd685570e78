package share

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"p2pfs/swarm/share/ignore"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/tree"
)

// scanner looks at directories and tells the tree what is in them. Owned by
// loop.
type scanner struct {
	ctx     context.Context // ends with the loop
	log     *slog.Logger
	folder  *folder
	tree    *tree.Tree
	work    *tree.Work
	watches *watches
	files   *files
	unseen  time.Duration // until a directory that cannot be read is tried again

	gone bool // the share directory is missing
	how  look
}

// atOnce is how many names of a directory are looked at in one go.
const atOnce = 1000

// lookNames looks at names of one directory that something happened to.
func (sc *scanner) lookNames(d *tree.Dir, set map[string]struct{}) {
	if !sc.tree.Knows(d) {
		return
	}
	if _, ok := set[IgnoreFile]; ok {
		sc.work.Hurry(d) // the rules are read again there
	}
	f, err := sc.openDir(d)
	if err != nil {
		sc.noDir(d, err)
		return
	}
	defer f.Close()
	sc.how = byEvent
	sc.tree.Begin(time.Now())
	sc.lookAt(d, f, slices.Collect(maps.Keys(set)))
}

// lookAll looks at all of a directory.
func (sc *scanner) lookAll(d *tree.Dir, how look) {
	sc.how = how
	if !sc.tree.Knows(d) || sc.gone {
		return
	}
	f, err := sc.openDir(d)
	if err != nil {
		sc.noDir(d, err)
		return
	}
	defer f.Close()
	sc.watches.add(d, f) // before it is read, so that nothing falls between
	sc.tree.Begin(time.Now())
	if sc.readRules(d, f) {
		for _, sub := range sc.tree.Reconsider(d) {
			sc.work.Hurry(sub)
		}
	}
	for {
		names, err := f.Readdirnames(atOnce)
		if err != nil && err != io.EOF {
			sc.noDir(d, err)
			return
		}
		if !sc.lookAt(d, f, names) || sc.ctx.Err() != nil {
			return
		}
		if err == io.EOF {
			break
		}
	}
	d.Warned = false
	sc.tree.ForgetUnseen(d)
}

// openDir opens a known directory and makes sure that it is the one known.
func (sc *scanner) openDir(d *tree.Dir) (*os.File, error) {
	f, m, err := sc.folder.openDir(d.Path)
	if err != nil {
		return nil, err
	}
	if d.At.Ino != 0 && !inode.Same(m.ID, d.At.ID) {
		f.Close()
		return nil, inode.ErrStale
	}
	d.At = m
	return f, nil
}

// noDir acts on a directory that cannot be read. One that is gone is found
// missing from the one above. One that may not be read is empty for others,
// too; after any other error all stays as it was until the next look.
func (sc *scanner) noDir(d *tree.Dir, err error) {
	if inode.Missing(err) || errors.Is(err, inode.ErrStale) {
		if d.Up == nil {
			sc.work.WalkNow() // which begins with checkFolder
		} else {
			sc.work.Mark(d.Up, d.Name)
		}
		return
	}
	if !d.Warned {
		d.Warned = true
		sc.log.Warn("directory cannot be read", "path", d.Path, "err", err)
	}
	if denied(err) {
		sc.tree.Empty(d)
	} else {
		sc.work.WalkBy(time.Now().Add(sc.unseen))
	}
}

// readRules reads the ignore file of d if it changed, or if the rules above
// did, and reports whether the rules in force have changed.
func (sc *scanner) readRules(d *tree.Dir, f *os.File) bool {
	above := d.RulesAbove
	if d.Up != nil {
		above = d.Up.Rules
	} else if above == nil {
		above = d.Rules // as they are at first
	}
	var m inode.Meta
	inode.StatAt(f, d.Path, []string{IgnoreFile}, func(_ string, got inode.Meta, err error) bool {
		if err == nil {
			m = got
		}
		return true
	})
	if m == d.RulesFile && d.RulesAbove == above {
		return false
	}
	before := d.Rules
	d.RulesFile, d.RulesAbove, d.Rules = m, above, above
	if m != (inode.Meta{}) {
		p := published.Join(d.Path, IgnoreFile)
		data, err := sc.readIgnore(p)
		if err != nil {
			sc.log.Warn("ignore file cannot be read: nothing here is published", "path", p, "err", err)
			data = []byte("*\n")
		}
		d.Rules = ignore.Parse(data, d.Path, above)
	}
	return d.Rules != before
}

func (sc *scanner) readIgnore(p string) ([]byte, error) {
	f, m, err := sc.folder.open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if m.Size > ignore.MaxSize {
		return nil, fmt.Errorf("%d bytes are more than %d", m.Size, ignore.MaxSize)
	}
	return io.ReadAll(io.LimitReader(f, ignore.MaxSize))
}

// lookAt looks at names of an open directory, and reports whether it can be
// read.
func (sc *scanner) lookAt(d *tree.Dir, f *os.File, names []string) bool {
	var found []*tree.File
	err := inode.StatAt(f, d.Path, names, func(name string, m inode.Meta, err error) bool {
		if f := sc.look(d, name, m, err); f != nil {
			found = append(found, f)
		}
		return sc.ctx.Err() == nil
	})
	sc.files.recall(found)
	if err != nil {
		sc.noDir(d, err)
	}
	return err == nil
}

// checkFolder finds out whether the share directory is still what its path
// leads to. If not it forgets everything, and returns true.
func (sc *scanner) checkFolder() (changed bool) {
	changed, err := sc.folder.check()
	switch {
	case !changed:
		sc.gone = false
		return false
	case err == nil:
		sc.log.Info("share directory is another one now", "path", sc.folder.path)
	case !sc.gone:
		sc.log.Warn("share directory is missing: nothing is shared", "path", sc.folder.path, "err", err)
	}
	sc.gone = err != nil
	sc.tree.Begin(time.Now())
	sc.tree.Empty(sc.tree.Root)
	sc.watches.remove(sc.tree.Root)
	sc.tree.Root.At = inode.Meta{}
	return true
}
