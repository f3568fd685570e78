//go:build !linux

package metainfo

import "os"

// uncache does nothing here: the file is read from memory.
func uncache(*os.File) error { return nil }
