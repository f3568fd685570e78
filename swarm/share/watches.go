package share

import (
	"log/slog"
	"os"

	"p2pfs/swarm/share/tree"
	"p2pfs/swarm/share/watch"
)

// watcher tells about changes inside directories: see watch.Watcher.
type watcher interface {
	Add(dir *os.File) (int32, error)
	Remove(id int32)
	Events() <-chan []watch.Event
	Close()
}

// watches knows which directory each watch belongs to. Owned by loop.
type watches struct {
	w      watcher              // nil: none
	events <-chan []watch.Event // of w; nil when there are no more
	dirs   map[int32]*tree.Dir
	log    *slog.Logger
	warned bool // that a directory could not be watched
}

func newWatches(w watcher, log *slog.Logger) *watches {
	ws := &watches{w: w, dirs: map[int32]*tree.Dir{}, log: log}
	if w != nil {
		ws.events = w.Events()
	}
	return ws
}

// add watches an open directory, once.
func (ws *watches) add(d *tree.Dir, f *os.File) {
	if ws.events == nil || d.Watch != watch.None {
		return
	}
	wd, err := ws.w.Add(f)
	if err != nil {
		if !ws.warned {
			ws.warned = true
			ws.log.Warn("directory cannot be watched: changes are found by looking for them; is fs.inotify.max_user_watches too low?",
				"path", d.Path, "err", err)
		}
		return
	}
	if before := ws.dirs[wd]; before != nil {
		before.Watch = watch.None // the same directory, under the path it had
	}
	d.Watch, ws.dirs[wd] = wd, d
}

// remove ends the watch of a directory that is left out from now on.
func (ws *watches) remove(d *tree.Dir) {
	if d.Watch != watch.None && ws.dirs[d.Watch] == d {
		ws.w.Remove(d.Watch)
		delete(ws.dirs, d.Watch)
	}
	d.Watch = watch.None
}

// forget notes that a watch is no more.
func (ws *watches) forget(wd int32) {
	if d := ws.dirs[wd]; d != nil {
		d.Watch = watch.None
		delete(ws.dirs, wd)
	}
}

// lose notes that nothing will be told any more.
func (ws *watches) lose() {
	for wd := range ws.dirs {
		ws.forget(wd)
	}
	ws.events = nil
}

func (ws *watches) close() {
	if ws.w != nil {
		ws.w.Close()
	}
}
