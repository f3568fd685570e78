package share

import (
	"log/slog"
	"os"
)

// watcher tells about changes inside directories, without following paths: a
// watch belongs to the directory that was open when it was set, wherever that
// is moved.
type watcher interface {
	// add watches an open directory and returns a number for it. Watching
	// a directory again returns the same number.
	add(dir *os.File) (int32, error)
	remove(wd int32)
	// events yields what happened, in order. It is closed by close, and
	// when nothing more can be told.
	events() <-chan []event
	close()
}

// event is one thing that happened in a watched directory.
type event struct {
	wd   int32
	what eventKind
	name string // of evName and evModify
}

type eventKind uint8

const (
	evName     eventKind = iota // something about the entry called name
	evModify                    // it was written to or cut, and may be so again at once
	evSelf                      // the directory itself was moved, removed, unmounted or changed
	evForgot                    // the watch is no more
	evOverflow                  // events were lost
)

// noWatch is the number of a directory that could not be watched.
const noWatch int32 = -1

// watches knows which directory each watch belongs to. Owned by loop.
type watches struct {
	w      watcher        // nil: none
	events <-chan []event // of w; nil when there are no more
	dirs   map[int32]*dir
	log    *slog.Logger
	warned bool // that a directory could not be watched
}

func newWatches(w watcher, log *slog.Logger) *watches {
	ws := &watches{w: w, dirs: map[int32]*dir{}, log: log}
	if w != nil {
		ws.events = w.events()
	}
	return ws
}

// add watches an open directory, once.
func (ws *watches) add(d *dir, f *os.File) {
	if ws.events == nil || d.wd != noWatch {
		return
	}
	wd, err := ws.w.add(f)
	if err != nil {
		if !ws.warned {
			ws.warned = true
			ws.log.Warn("directory cannot be watched: changes are found by looking for them; is fs.inotify.max_user_watches too low?",
				"path", d.path, "err", err)
		}
		return
	}
	if before := ws.dirs[wd]; before != nil {
		before.wd = noWatch // the same directory, under the path it had
	}
	d.wd, ws.dirs[wd] = wd, d
}

// remove ends the watch of a directory that is left out from now on.
func (ws *watches) remove(d *dir) {
	if d.wd != noWatch && ws.dirs[d.wd] == d {
		ws.w.remove(d.wd)
		delete(ws.dirs, d.wd)
	}
	d.wd = noWatch
}

// forget notes that a watch is no more.
func (ws *watches) forget(wd int32) {
	if d := ws.dirs[wd]; d != nil {
		d.wd = noWatch
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
		ws.w.close()
	}
}
