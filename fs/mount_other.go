//go:build !linux

package fs

import (
	"context"

	"p2pfs/fs/mounting"
)

// Mountpoint is a Tree that is mounted.
type Mountpoint struct{}

// Mount returns mounting.ErrUnsupported.
func Mount(Config) (*Mountpoint, error) { return nil, mounting.ErrUnsupported }

// Dir returns "".
func (*Mountpoint) Dir() string { return "" }

// Changed does nothing.
func (*Mountpoint) Changed(string, ChangeKind) {}

// Stats returns zeros.
func (*Mountpoint) Stats() Stats { return Stats{} }

// Alive returns mounting.ErrUnsupported.
func (*Mountpoint) Alive(context.Context) error { return mounting.ErrUnsupported }

// Wait returns mounting.ErrUnsupported.
func (*Mountpoint) Wait() error { return mounting.ErrUnsupported }

// Close returns mounting.ErrUnsupported.
func (*Mountpoint) Close() error { return mounting.ErrUnsupported }
