// Package watch tells what happens in directories (inotify(7)).
//
// A watch belongs to the directory that was open when it was set, wherever
// that is moved: no path is followed. Elsewhere than on Linux there is none,
// and New fails. A Watcher is safe for concurrent use; one goroutine of its own
// reads events, and waits for who takes them, so that more than the kernel
// keeps are lost, which is an event too.
package watch

// Event is one thing that happened in a watched directory.
type Event struct {
	Watch int32 // as Add returned it
	What  Kind
	Name  string // of Entry and Modified
}

// Kind says what has happened.
type Kind uint8

// The kinds of an Event.
const (
	Entry     Kind = iota // something about the entry called Name
	Modified              // it was written to or cut, and may be so again at once
	Self                  // the directory itself was moved, removed, unmounted or changed
	Forgotten             // the watch is no more
	Lost                  // events were lost
)

// None is the number of no watch.
const None int32 = -1
