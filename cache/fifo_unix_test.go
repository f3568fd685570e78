//go:build unix

package cache

import "syscall"

func init() { mkfifo = func(path string) error { return syscall.Mkfifo(path, 0o600) } }
