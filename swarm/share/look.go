package share

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"
)

// look takes note of what a stat said about a name of the directory d. It
// returns a node whose contents are not known.
func (sc *scanner) look(d *dir, name string, m meta, err error) *node {
	if n := d.files[name]; n != nil && err == nil && n.meta == m && !m.mode.IsDir() {
		n.gen = sc.gen
		if sc.how == byEvent {
			sc.settler.ask(n)
		}
		return nil
	}
	switch {
	case err == nil:
	case missing(err):
		sc.remove(d, name)
		return nil
	case !errors.Is(err, fs.ErrPermission) && sc.keep(d, name):
		return nil // the disk does not answer just now
	}
	if why, bad := sc.unfit(d, name, m, err); bad {
		sc.setOdd(d, name, why)
		return nil
	}
	switch m.mode.Type() {
	case fs.ModeDir:
		sc.lookDir(d, name, m)
	case fs.ModeSymlink:
		sc.lookLink(d, name, m)
	default:
		return sc.lookFile(d, name, m)
	}
	return nil
}

// keep leaves what has a name as it is, and reports whether there is anything.
func (sc *scanner) keep(d *dir, name string) bool {
	if n := d.files[name]; n != nil {
		n.gen = sc.gen
		return true
	}
	if sub := d.dirs[name]; sub != nil {
		sub.gen = sc.gen
		return true
	}
	return false
}

// unfit tells why a name is not published, if so.
func (sc *scanner) unfit(d *dir, name string, m meta, err error) (reason, bool) {
	switch kind := m.mode.Type(); {
	case err != nil:
		return unreadable, true
	case d.rules.ignored(d.path, name, kind == fs.ModeDir):
		return ignored, true
	case !goodName(name):
		return badName, true
	case d.depth >= maxDepth:
		return tooDeep, true
	case kind != 0 && kind != fs.ModeDir && kind != fs.ModeSymlink:
		return notRegular, true
	}
	return 0, false
}

// setOdd notes that a name is left out, and says so the first time.
func (sc *scanner) setOdd(d *dir, name string, why reason) {
	before, ok := d.odd[name]
	if !ok || before.why != why {
		sc.remove(d, name)
		sc.oddSeen[min(why, 1)]++
		if why != ignored {
			sc.s.log.Warn("not shared", "path", path.Join(d.path, name), "why", why.String())
		}
	}
	d.odd[name] = odd{sc.gen, why}
}

func (sc *scanner) removeOdd(d *dir, name string) {
	if o, ok := d.odd[name]; ok {
		sc.oddSeen[min(o.why, 1)]--
		delete(d.odd, name)
	}
}

// remove forgets whatever has this name.
func (sc *scanner) remove(d *dir, name string) {
	if n := d.files[name]; n != nil {
		sc.removeFile(n)
	}
	if sub := d.dirs[name]; sub != nil {
		sc.removeDir(sub)
	}
	sc.removeOdd(d, name)
}

func (sc *scanner) removeFile(n *node) {
	sc.settler.forget(n)
	delete(n.dir.files, n.name)
}

// removeDir forgets a directory and all that is in it.
func (sc *scanner) removeDir(d *dir) {
	sc.empty(d)
	sc.watches.remove(d)
	sc.dirs--
	sc.ledger.set(d.up, d.path, d.pub, nil)
	d.pub = nil
	delete(sc.agenda.dirty, d)
	delete(d.up.dirs, d.name)
}

// empty forgets all that is in a directory.
func (sc *scanner) empty(d *dir) {
	for _, n := range d.files {
		sc.removeFile(n)
	}
	for _, sub := range d.dirs {
		sc.removeDir(sub)
	}
	for name := range d.odd {
		sc.removeOdd(d, name)
	}
}

func (sc *scanner) lookDir(d *dir, name string, m meta) {
	sub := d.dirs[name]
	if sub != nil && !sameInode(sub.id, m) {
		sc.removeDir(sub) // another directory has taken its place
		sub = nil
	}
	if sub == nil {
		sc.remove(d, name)
		sub = newDir(d, name)
		sub.id = m
		sub.pub = &entry{File: File{Path: sub.path, Kind: Dir, MTime: time.Unix(0, m.mtime)}}
		d.dirs[name] = sub
		sc.dirs++
		sc.ledger.set(d, sub.path, nil, sub.pub)
		if sc.how == byEvent {
			sc.agenda.hurry(sub)
		}
	}
	sub.gen = sc.gen
	if sc.how == byWalk {
		sc.agenda.visit(sub)
	}
}

func (sc *scanner) lookLink(d *dir, name string, m meta) {
	p := path.Join(d.path, name)
	target, err := sc.s.root.Load().Readlink(p)
	switch {
	case err != nil && missing(err):
		sc.remove(d, name)
		return
	case err != nil:
		sc.setOdd(d, name, unreadable)
		return
	case !staysInside(d.path, target):
		sc.setOdd(d, name, linkLeaves)
		return
	}
	n := sc.nodeOf(d, name)
	n.meta = m
	sc.settler.endWait(n)
	sc.ledger.put(n, &entry{File: File{Path: p, Kind: Symlink, Target: target, MTime: time.Unix(0, m.mtime)}})
}

// nodeOf returns the node of that name, after making it if need be.
func (sc *scanner) nodeOf(d *dir, name string) *node {
	n := d.files[name]
	if n == nil {
		sc.remove(d, name)
		n = &node{dir: d, name: name}
		d.files[name] = n
	}
	n.gen = sc.gen
	return n
}

// lookFile takes note of a regular file that is new or has changed.
func (sc *scanner) lookFile(d *dir, name string, m meta) *node {
	n := sc.nodeOf(d, name)
	before := n.meta
	n.meta = m
	sc.s.disks.see(m.dev, n.path)
	if n.pub != nil && n.pub.Kind == Regular && n.pub.id == m.ident {
		sc.settler.endWait(n)
		sc.lookMode(n, before)
		return nil
	}
	sc.settler.begin(n)
	if m.size > 0 {
		return n
	}
	sc.settler.settleLater(n.wait, time.Now())
	return nil
}

// lookMode acts on a published file whose mode, times of change or links have
// changed, but not its contents. Whether it can still be read shows when it
// is opened.
func (sc *scanner) lookMode(n *node, before meta) {
	if before.mode != n.meta.mode {
		f, _, err := sc.s.openFile(n.path())
		if err != nil && !missing(err) && !errors.Is(err, errStale) {
			sc.settler.giveUp(n, err)
			return
		}
		if err == nil {
			f.Close()
		}
	}
	if exec := executable(n.meta); exec != n.pub.Exec {
		sc.ledger.put(n, n.pub.withExec(exec))
	}
}

func executable(m meta) bool { return m.mode&0o100 != 0 }

// withExec returns a copy.
func (e *entry) withExec(exec bool) *entry {
	c := &entry{File: e.File, id: e.id, v2: e.v2}
	c.Exec = exec
	c.ctime.Store(e.ctime.Load())
	return c
}

// checkRoot finds out whether the share directory is still what its path
// leads to.
func (sc *scanner) checkRoot() {
	dir := sc.s.cfg.Dir
	at, err := os.Stat(dir)
	have, haveErr := sc.s.root.Load().Stat(".")
	if err == nil && haveErr == nil && os.SameFile(at, have) {
		sc.gone = false
		return
	}
	if err == nil {
		var root *os.Root
		if root, err = os.OpenRoot(dir); err == nil {
			sc.s.log.Info("share directory is another one now", "path", dir)
			sc.s.root.Swap(root).Close()
		}
	}
	if err != nil && !sc.gone {
		sc.s.log.Warn("share directory is missing: nothing is shared", "path", dir, "err", err)
	}
	sc.gone = err != nil
	sc.empty(sc.root)
	sc.watches.remove(sc.root)
	sc.root.id = meta{}
	sc.agenda.walkNow()
	if sc.gone {
		sc.agenda.next = time.Now().Add(sc.s.timing.missing)
	}
}
