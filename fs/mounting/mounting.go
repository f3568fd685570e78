// Package mounting puts FUSE filesystems of p2pfs on directories and takes them
// away again: what the kernel and fusermount3 want to be asked before the first
// request, and after the last.
//
// Mount has fusermount3 mount, also for root, so that all users take the same
// way, and answers INIT itself: the library's own Mount knows neither reads of
// more than 128 KiB nor whole listings (READDIRPLUS). The library then parses
// the requests of the connection that it is handed.
//
// Nothing here asks anything of a filesystem that may be dead or deaf, but for
// statfs with a time limit. All functions are safe for concurrent use. Only
// Linux can mount; elsewhere they return ErrUnsupported.
package mounting

import "errors"

const (
	// Subtype is the source of our mounts when they are given none, and makes
	// their type Type: so PRUNEFS and a user of /proc/mounts can tell them.
	Subtype = "p2pfs"
	// Type is what the kernel's table of mounts calls ours.
	Type = "fuse." + Subtype
)

var (
	// ErrUnsupported is returned on systems that cannot mount.
	ErrUnsupported = errors.New("mounting is not supported on this system, only on Linux")
	// ErrMounted says that a living p2pfs is mounted on the directory.
	ErrMounted = errors.New("already mounted")
	// ErrNotMounted says that no p2pfs is mounted on the directory.
	ErrNotMounted = errors.New("not mounted")
	// ErrBusy says that a process has an open file or its working directory in
	// the mount.
	ErrBusy = errors.New("in use")
)
