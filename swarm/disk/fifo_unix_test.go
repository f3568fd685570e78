//go:build unix

package disk

import "syscall"

func init() { mkfifo = func(path string) error { return syscall.Mkfifo(path, 0o666) } }
