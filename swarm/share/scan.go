package share

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"syscall"
	"time"
)

// scanner looks at directories and keeps the tree. Owned by loop.
type scanner struct {
	s       *Share
	ctx     context.Context // ends with the loop
	agenda  *agenda
	watches *watches
	settler *settler
	ledger  *ledger

	root    *dir
	base    *ruleset // in force above root
	gone    bool     // the share directory is missing
	dirs    int      // in the tree, root too
	gen     uint32   // of the look under way
	how     look
	oddSeen [2]int // ignored, skipped names
}

// look says why a name is being looked at.
type look uint8

const (
	byWalk  look = iota // the scan of everything: known directories are gone into
	byEvent             // something happened: what was seen busy is asked again
)

func newScanner(ctx context.Context, s *Share, st *settler, ws *watches) *scanner {
	sc := &scanner{s: s, ctx: ctx, agenda: st.agenda, watches: ws, settler: st, ledger: st.ledger, dirs: 1}
	sc.base = parseIgnore([]byte(temporary), "", nil)
	sc.root = newDir(nil, "")
	sc.root.rules = sc.base
	return sc
}

// lookDirty looks at the names of one directory that something happened to.
func (sc *scanner) lookDirty() {
	d, set := sc.agenda.takeDirty()
	if !sc.known(d) {
		return
	}
	if _, ok := set[IgnoreFile]; ok {
		sc.agenda.hurry(d) // the rules are read again there
	}
	names := slices.Collect(maps.Keys(set))
	f, err := sc.openDir(d)
	if err != nil {
		sc.noDir(d, err)
		return
	}
	defer f.Close()
	sc.how = byEvent
	sc.gen++
	sc.lookAt(d, f, names)
}

// known reports whether d is still part of the tree.
func (sc *scanner) known(d *dir) bool {
	for ; d.up != nil; d = d.up {
		if d.up.dirs[d.name] != d {
			return false
		}
	}
	return d == sc.root
}

// scan looks at all of a directory.
func (sc *scanner) scan(d *dir, how look) {
	sc.how = how
	if !sc.known(d) || sc.gone {
		return
	}
	f, err := sc.openDir(d)
	if err != nil {
		sc.noDir(d, err)
		return
	}
	defer f.Close()
	sc.watches.add(d, f) // before it is read, so that nothing falls between
	force := sc.readRules(d, f)
	names, err := f.Readdirnames(-1)
	if err != nil {
		sc.noDir(d, err)
		return
	}
	d.warned = false
	if force {
		sc.reconsider(d)
	}
	sc.gen++
	sc.lookAt(d, f, names)
	if sc.ctx.Err() == nil {
		sc.forgetUnseen(d)
	}
}

// openDir opens a known directory and makes sure that it is the one known.
func (sc *scanner) openDir(d *dir) (*os.File, error) {
	p := d.path
	if d.up == nil {
		p = "."
	}
	f, err := sc.s.root.Load().OpenFile(p, openDirFlags, 0)
	if err != nil {
		return nil, err
	}
	m, err := statFile(f, d.path)
	if err == nil && (!m.mode.IsDir() || d.id.ino != 0 && !sameInode(m, d.id)) {
		err = errStale
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	d.id = m
	return f, nil
}

func sameInode(a, b meta) bool { return a.dev == b.dev && a.ino == b.ino }

// noDir acts on a directory that cannot be read. One that is gone is found
// missing from the one above. One that may not be read is empty for others,
// too; after any other error all stays as it was until the next look.
func (sc *scanner) noDir(d *dir, err error) {
	if missing(err) || errors.Is(err, errStale) {
		if d.up == nil {
			sc.checkRoot()
		} else {
			sc.agenda.mark(d.up, d.name)
		}
		return
	}
	if !d.warned {
		d.warned = true
		sc.s.log.Warn("directory cannot be read", "path", d.path, "err", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		sc.empty(d)
	} else {
		sc.agenda.walkBy(time.Now().Add(sc.s.timing.unseen))
	}
}

// missing reports whether err means that there is no such path (any more).
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// readRules reads the ignore file of d if it changed, or if the rules above
// did, and reports whether the rules in force have changed.
func (sc *scanner) readRules(d *dir, f *os.File) bool {
	up := sc.base
	if d.up != nil {
		up = d.up.rules
	}
	var m meta
	statAt(f, d.path, []string{IgnoreFile}, func(_ string, got meta, err error) bool {
		if err == nil {
			m = got
		}
		return true
	})
	if m == d.rulesFile && d.rulesUp == up {
		return false
	}
	d.rulesFile, d.rulesUp = m, up
	if m == (meta{}) {
		if d.rules == up {
			return false
		}
		d.rules = up
		return true
	}
	data, err := sc.readIgnore(path.Join(d.path, IgnoreFile))
	if err != nil {
		sc.s.log.Warn("ignore file cannot be read: nothing here is published", "path", path.Join(d.path, IgnoreFile), "err", err)
		data = []byte("*\n")
	}
	d.rules = parseIgnore(data, d.path, up)
	return true
}

func (sc *scanner) readIgnore(p string) ([]byte, error) {
	f, m, err := sc.s.openFile(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if m.size > maxIgnoreSize {
		return nil, fmt.Errorf("%d bytes are more than %d", m.size, maxIgnoreSize)
	}
	return io.ReadAll(io.LimitReader(f, maxIgnoreSize))
}

// reconsider makes the next look at the names of d decide anew.
func (sc *scanner) reconsider(d *dir) {
	for name, n := range d.files {
		if d.rules.ignored(d.path, name, false) {
			sc.removeFile(n)
		}
	}
	for name, sub := range d.dirs {
		if d.rules.ignored(d.path, name, true) {
			sc.removeDir(sub)
		} else {
			sc.agenda.hurry(sub)
		}
	}
}

// lookAt looks at names of an open directory.
func (sc *scanner) lookAt(d *dir, f *os.File, names []string) {
	var ask []*node
	err := statAt(f, d.path, names, func(name string, m meta, err error) bool {
		if n := sc.look(d, name, m, err); n != nil {
			ask = append(ask, n)
		}
		return sc.ctx.Err() == nil
	})
	if err != nil {
		sc.noDir(d, err)
	}
	sc.settler.recall(ask)
}

// forgetUnseen removes what the scan that just ended did not see.
func (sc *scanner) forgetUnseen(d *dir) {
	for _, n := range d.files {
		if n.gen != sc.gen {
			sc.removeFile(n)
		}
	}
	for _, sub := range d.dirs {
		if sub.gen != sc.gen {
			sc.removeDir(sub)
		}
	}
	for name, o := range d.odd {
		if o.gen != sc.gen {
			sc.removeOdd(d, name)
		}
	}
}
