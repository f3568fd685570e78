//go:build !linux

package fs

import "context"

// Mountpoint is a Tree that is mounted.
type Mountpoint struct{}

// Mount returns ErrUnsupported.
func Mount(Config) (*Mountpoint, error) { return nil, ErrUnsupported }

// Unmount returns ErrUnsupported.
func Unmount(string, bool) error { return ErrUnsupported }

// Check returns ErrUnsupported.
func Check(string) (string, error) { return "", ErrUnsupported }

// Resolve returns ErrUnsupported.
func Resolve(string) (string, error) { return "", ErrUnsupported }

// Dir returns "".
func (*Mountpoint) Dir() string { return "" }

// Changed does nothing.
func (*Mountpoint) Changed(string, ChangeKind) {}

// Stats returns zeros.
func (*Mountpoint) Stats() Stats { return Stats{} }

// Alive returns ErrUnsupported.
func (*Mountpoint) Alive(context.Context) error { return ErrUnsupported }

// Wait returns ErrUnsupported.
func (*Mountpoint) Wait() error { return ErrUnsupported }

// Close returns ErrUnsupported.
func (*Mountpoint) Close() error { return ErrUnsupported }
