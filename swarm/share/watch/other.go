//go:build !linux

package watch

import (
	"errors"
	"os"
)

// Watcher is never made here.
type Watcher struct{}

// New fails: nothing tells of changes.
func New() (*Watcher, error) { return nil, errors.ErrUnsupported }

// Add watches nothing.
func (*Watcher) Add(*os.File) (int32, error) { return None, errors.ErrUnsupported }

// Remove does nothing.
func (*Watcher) Remove(int32) {}

// Events is nil.
func (*Watcher) Events() <-chan []Event { return nil }

// Close does nothing.
func (*Watcher) Close() {}
