//go:build !linux

package inode

import "os"

// Place is not known: after a run that did not end well all is verified.
func Place(string) string { return "" }

// syncDisk cannot flush a filesystem here. What a power cut takes is found
// because the run did not end well.
func syncDisk(*os.File) error { return nil }
