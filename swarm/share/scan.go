package share

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// lookDirty looks at the names of one directory that something happened to.
func (l *loop) lookDirty() {
	for d, set := range l.dirty {
		delete(l.dirty, d)
		if !l.known(d) {
			return
		}
		if _, ok := set[IgnoreFile]; ok {
			l.hurry(d) // the rules are read again there
		}
		names := make([]string, 0, len(set))
		for name := range set {
			names = append(names, name)
		}
		f, err := l.openDir(d)
		if err != nil {
			l.noDir(d, err)
			return
		}
		defer f.Close()
		l.how = byEvent
		l.gen++
		l.lookAt(d, f, names)
		return
	}
}

// known reports whether d is still part of the tree.
func (l *loop) known(d *dir) bool {
	for ; d.up != nil; d = d.up {
		if d.up.dirs[d.name] != d {
			return false
		}
	}
	return d == l.root
}

// scan looks at all of a directory.
func (l *loop) scan(d *dir) {
	d.queued = false
	if !l.known(d) || l.gone {
		return
	}
	f, err := l.openDir(d)
	if err != nil {
		l.noDir(d, err)
		return
	}
	defer f.Close()
	l.watchDir(d, f) // before it is read, so that nothing falls between
	force := l.readRules(d, f)
	names, err := f.Readdirnames(-1)
	if err != nil {
		l.noDir(d, err)
		return
	}
	d.warned = false
	if force {
		l.reconsider(d)
	}
	l.gen++
	l.lookAt(d, f, names)
	if l.ctx.Err() == nil {
		l.forgetUnseen(d)
	}
}

// openDir opens a known directory and makes sure that it is the one known.
func (l *loop) openDir(d *dir) (*os.File, error) {
	p := d.path
	if d.up == nil {
		p = "."
	}
	f, err := l.s.root.Load().OpenFile(p, openDirFlags, 0)
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
func (l *loop) noDir(d *dir, err error) {
	if missing(err) || errors.Is(err, errStale) {
		if d.up == nil {
			l.checkRoot()
		} else {
			l.markDirty(d.up, d.name)
		}
		return
	}
	if !d.warned {
		d.warned = true
		l.s.log.Warn("directory cannot be read", "path", d.path, "err", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		l.empty(d)
	}
}

// missing reports whether err means that there is no such path (any more).
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// watchDir watches an open directory, once.
func (l *loop) watchDir(d *dir, f *os.File) {
	if l.watch == nil || l.event == nil || d.wd != noWatch {
		return
	}
	wd, err := l.watch.add(f)
	if err != nil {
		if !l.warned {
			l.warned = true
			l.s.log.Warn("directory cannot be watched: changes are found by looking for them; is fs.inotify.max_user_watches too low?",
				"path", d.path, "err", err)
		}
		return
	}
	if before := l.wds[wd]; before != nil {
		before.wd = noWatch // the same directory, under the path it had
	}
	d.wd, l.wds[wd] = wd, d
}

// readRules reads the ignore file of d if it changed, or if the rules above
// did, and reports whether the rules in force have changed.
func (l *loop) readRules(d *dir, f *os.File) bool {
	up := l.base
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
	data, err := l.readIgnore(path.Join(d.path, IgnoreFile))
	if err != nil {
		l.s.log.Warn("ignore file cannot be read: nothing here is published", "path", path.Join(d.path, IgnoreFile), "err", err)
		data = []byte("*\n")
	}
	d.rules = parseIgnore(data, d.path, up)
	return true
}

func (l *loop) readIgnore(p string) ([]byte, error) {
	f, m, err := l.s.openFile(p)
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
func (l *loop) reconsider(d *dir) {
	for name, n := range d.files {
		if d.rules.ignored(d.path, name, false) {
			l.removeFile(n)
		}
	}
	for name, sub := range d.dirs {
		if d.rules.ignored(d.path, name, true) {
			l.removeDir(sub)
		} else {
			l.hurry(sub)
		}
	}
}

// lookAt looks at names of an open directory.
func (l *loop) lookAt(d *dir, f *os.File, names []string) {
	var ask []*node
	err := statAt(f, d.path, names, func(name string, m meta, err error) bool {
		if n := l.look(d, f, name, m, err); n != nil {
			ask = append(ask, n)
		}
		return l.ctx.Err() == nil
	})
	if err != nil {
		l.noDir(d, err)
	}
	l.recall(ask)
}

// forgetUnseen removes what the scan that just ended did not see.
func (l *loop) forgetUnseen(d *dir) {
	for _, n := range d.files {
		if n.gen != l.gen {
			l.removeFile(n)
		}
	}
	for _, sub := range d.dirs {
		if sub.gen != l.gen {
			l.removeDir(sub)
		}
	}
	for name, o := range d.odd {
		if o.gen != l.gen {
			l.removeOdd(d, name)
		}
	}
}
