package hashing

import (
	"os"

	"golang.org/x/sys/unix"
)

// uncache has the kernel forget what it keeps of a file, so that the disk is
// read again.
func uncache(f *os.File) error { return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
