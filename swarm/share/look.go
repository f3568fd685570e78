package share

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"
)

// look takes note of what a stat said about a name of the directory d, open
// as f. It returns a node whose contents are not known.
func (l *loop) look(d *dir, f *os.File, name string, m meta, err error) *node {
	if n := d.files[name]; n != nil && err == nil && n.meta == m && !m.mode.IsDir() {
		n.gen = l.gen
		l.ask(n)
		return nil
	}
	if err != nil && missing(err) {
		l.remove(d, name)
		return nil
	}
	if why, bad := l.unfit(d, name, m, err); bad {
		l.setOdd(d, name, why)
		return nil
	}
	switch m.mode.Type() {
	case fs.ModeDir:
		l.lookDir(d, name, m)
	case fs.ModeSymlink:
		l.lookLink(d, name, m)
	default:
		return l.lookFile(d, name, m)
	}
	return nil
}

// unfit tells why a name is not published, if so.
func (l *loop) unfit(d *dir, name string, m meta, err error) (reason, bool) {
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
func (l *loop) setOdd(d *dir, name string, why reason) {
	before, ok := d.odd[name]
	if !ok || before.why != why {
		l.remove(d, name)
		l.oddSeen[min(why, 1)]++
		if why != ignored {
			l.s.log.Warn("not shared", "path", path.Join(d.path, name), "why", why.String())
		}
	}
	d.odd[name] = odd{l.gen, why}
}

func (l *loop) removeOdd(d *dir, name string) {
	if o, ok := d.odd[name]; ok {
		l.oddSeen[min(o.why, 1)]--
		delete(d.odd, name)
	}
}

// remove forgets whatever has this name.
func (l *loop) remove(d *dir, name string) {
	if n := d.files[name]; n != nil {
		l.removeFile(n)
	}
	if sub := d.dirs[name]; sub != nil {
		l.removeDir(sub)
	}
	l.removeOdd(d, name)
}

func (l *loop) removeFile(n *node) {
	l.setPub(n, nil)
	l.endWait(n)
	delete(l.trouble, n.path())
	delete(n.dir.files, n.name)
}

// removeDir forgets a directory and all that is in it.
func (l *loop) removeDir(d *dir) {
	l.empty(d)
	l.unwatch(d)
	l.dirs--
	l.ledger.set(d.up, d.path, d.pub, nil)
	d.pub = nil
	delete(l.dirty, d)
	delete(d.up.dirs, d.name)
}

// empty forgets all that is in a directory.
func (l *loop) empty(d *dir) {
	for _, n := range d.files {
		l.removeFile(n)
	}
	for _, sub := range d.dirs {
		l.removeDir(sub)
	}
	for name := range d.odd {
		l.removeOdd(d, name)
	}
}

func (l *loop) unwatch(d *dir) {
	if d.wd != noWatch && l.wds[d.wd] == d {
		l.watch.remove(d.wd)
		delete(l.wds, d.wd)
	}
	d.wd = noWatch
}

func (l *loop) lookDir(d *dir, name string, m meta) {
	sub := d.dirs[name]
	if sub != nil && !sameInode(sub.id, m) {
		l.removeDir(sub) // another directory has taken its place
		sub = nil
	}
	if sub == nil {
		l.remove(d, name)
		sub = newDir(d, name)
		sub.id = m
		sub.pub = &entry{File: File{Path: sub.path, Kind: Dir, MTime: time.Unix(0, m.mtime)}}
		d.dirs[name] = sub
		l.dirs++
		l.ledger.set(d, sub.path, nil, sub.pub)
		if l.how == byEvent {
			l.hurry(sub)
		}
	}
	sub.gen = l.gen
	if l.how == byWalk && !sub.queued {
		sub.queued = true
		l.walk = append(l.walk, sub)
	}
}

func (l *loop) lookLink(d *dir, name string, m meta) {
	p := path.Join(d.path, name)
	target, err := l.s.root.Load().Readlink(p)
	switch {
	case err != nil && missing(err):
		l.remove(d, name)
		return
	case err != nil:
		l.setOdd(d, name, unreadable)
		return
	case !staysInside(d.path, target):
		l.setOdd(d, name, linkLeaves)
		return
	}
	n := l.nodeOf(d, name)
	n.meta = m
	l.endWait(n)
	l.setPub(n, &entry{File: File{Path: p, Kind: Symlink, Target: target, MTime: time.Unix(0, m.mtime)}})
}

// nodeOf returns the node of that name, after making it if need be.
func (l *loop) nodeOf(d *dir, name string) *node {
	n := d.files[name]
	if n == nil {
		l.remove(d, name)
		n = &node{dir: d, name: name}
		d.files[name] = n
	}
	n.gen = l.gen
	return n
}

// lookFile takes note of a regular file that is new or has changed.
func (l *loop) lookFile(d *dir, name string, m meta) *node {
	n := l.nodeOf(d, name)
	before := n.meta
	n.meta = m
	if n.pub != nil && n.pub.Kind == Regular && n.pub.id == m.ident {
		l.endWait(n)
		l.lookMode(n, before)
		return nil
	}
	l.endWait(n)
	n.wait = &wait{n: n, index: -1, since: time.Now()}
	l.waiting++
	if m.size > 0 {
		return n
	}
	l.settleLater(n.wait, time.Now())
	return nil
}

// lookMode acts on a published file whose mode, times of change or links have
// changed, but not its contents. Whether it can still be read shows when it
// is opened.
func (l *loop) lookMode(n *node, before meta) {
	if before.mode != n.meta.mode {
		f, _, err := l.s.openFile(n.path())
		if err != nil && !missing(err) && !errors.Is(err, errStale) {
			l.giveUp(n, err)
			return
		}
		if err == nil {
			f.Close()
		}
	}
	if exec := executable(n.meta); exec != n.pub.Exec {
		l.setPub(n, n.pub.withExec(exec))
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

// setPub publishes n as e, nil for not at all, with the next publication.
func (l *loop) setPub(n *node, e *entry) {
	l.ledger.set(n.dir, n.path(), n.pub, e)
	n.pub = e
}

// checkRoot finds out whether the share directory is still what its path
// leads to.
func (l *loop) checkRoot() {
	dir := l.s.cfg.Dir
	at, err := os.Stat(dir)
	have, haveErr := l.s.root.Load().Stat(".")
	if err == nil && haveErr == nil && os.SameFile(at, have) {
		l.gone = false
		return
	}
	if err == nil {
		var root *os.Root
		if root, err = os.OpenRoot(dir); err == nil {
			l.s.log.Info("share directory is another one now", "path", dir)
			l.s.root.Swap(root).Close()
		}
	}
	if err != nil && !l.gone {
		l.s.log.Warn("share directory is missing: nothing is shared", "path", dir, "err", err)
	}
	l.gone = err != nil
	l.empty(l.root)
	l.unwatch(l.root)
	l.root.id = meta{}
	l.walkNow()
	if l.gone {
		l.next = time.Now().Add(l.s.timing.missing)
	}
}
