package share

import (
	"errors"
	"io/fs"
	"time"
	"unicode/utf8"

	"p2pfs/swarm/names"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/tree"
)

// look says why a name is being looked at.
type look uint8

const (
	byWalk  look = iota // the look at everything: known directories are gone into
	byEvent             // something happened: what was seen busy is asked again
)

// look takes note of what a stat said about a name of the directory d. It
// returns a file whose contents are not known.
func (sc *scanner) look(d *tree.Dir, name string, m inode.Meta, err error) *tree.File {
	if f := d.File(name); f != nil && err == nil && f.Meta == m && !m.IsDir() {
		sc.tree.Seen(f)
		if sc.how == byEvent {
			sc.files.queue.Ask(f, time.Now())
		}
		return nil
	}
	switch {
	case err == nil:
	case inode.Missing(err):
		sc.tree.Remove(d, name)
		return nil
	case !errors.Is(err, fs.ErrPermission) && sc.tree.Keep(d, name):
		return nil // the disk does not answer just now
	}
	if why, bad := unfit(d, name, m, err); bad {
		sc.leaveOut(d, name, why)
		return nil
	}
	switch m.Mode.Type() {
	case fs.ModeDir:
		sc.lookDir(d, name, m)
	case fs.ModeSymlink:
		sc.lookLink(d, name, m)
	default:
		return sc.lookFile(d, name, m)
	}
	return nil
}

// unfit tells why a name is not published, if so.
func unfit(d *tree.Dir, name string, m inode.Meta, err error) (tree.Reason, bool) {
	switch kind := m.Mode.Type(); {
	case err != nil:
		return tree.Unreadable, true
	case d.Rules.Ignored(d.Path, name, kind == fs.ModeDir):
		return tree.Ignored, true
	case !names.Valid(name):
		return tree.BadName, true
	case d.Depth >= names.MaxDepth:
		return tree.TooDeep, true
	case kind != 0 && kind != fs.ModeDir && kind != fs.ModeSymlink:
		return tree.NotRegular, true
	}
	return 0, false
}

// leaveOut notes that a name is not published, and says so the first time.
func (sc *scanner) leaveOut(d *tree.Dir, name string, why tree.Reason) {
	if sc.tree.LeaveOut(d, name, why) && why != tree.Ignored {
		sc.log.Warn("not shared", "path", published.Join(d.Path, name), "why", why.String())
	}
}

func (sc *scanner) lookDir(d *tree.Dir, name string, m inode.Meta) {
	sub, isNew := sc.tree.PutDir(d, name, m)
	switch {
	case sc.how == byWalk:
		sc.work.Visit(sub)
	case isNew:
		sc.work.Hurry(sub)
	}
}

func (sc *scanner) lookLink(d *tree.Dir, name string, m inode.Meta) {
	target, err := sc.folder.readlink(published.Join(d.Path, name))
	switch {
	case err != nil && inode.Missing(err):
		sc.tree.Remove(d, name)
		return
	case err != nil:
		sc.leaveOut(d, name, tree.Unreadable)
		return
	case !utf8.ValidString(target) || !names.Inside(target, d.Depth):
		sc.leaveOut(d, name, tree.LinkLeaves)
		return
	}
	f := sc.tree.PutFile(d, name)
	f.Meta = m
	sc.files.forget(f)
	sc.tree.Publish(f, published.NewSymlink(d.Path, name, target, m.MTime), time.Now())
}

// lookFile takes note of a regular file that is new or has changed.
func (sc *scanner) lookFile(d *tree.Dir, name string, m inode.Meta) *tree.File {
	f := sc.tree.PutFile(d, name)
	before := f.Meta
	f.Meta = m
	sc.folder.disks.See(m.Dev, f.Path)
	if f.Pub != nil && f.Pub.Kind == published.Regular && f.Pub.ID == m.ID {
		sc.files.queue.End(f)
		sc.lookMode(f, before)
		return nil
	}
	sc.files.begin(f)
	if m.Size > 0 {
		return f
	}
	return nil
}

// lookMode acts on a published file whose mode, times of change or links have
// changed, but not its contents. Whether it can still be read shows when it
// is opened.
func (sc *scanner) lookMode(f *tree.File, before inode.Meta) {
	if before.Mode != f.Meta.Mode {
		open, _, err := sc.folder.open(f.Path())
		if err != nil && !inode.Missing(err) && !errors.Is(err, inode.ErrStale) {
			sc.files.giveUp(f, err, time.Now())
			return
		}
		if err == nil {
			open.Close()
		}
	}
	if exec := f.Meta.Executable(); exec != f.Pub.Exec {
		sc.tree.Publish(f, f.Pub.WithExec(exec), time.Now())
	}
}
