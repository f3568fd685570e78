package share

import "os"

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
