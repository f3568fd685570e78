//go:build !linux

package fs

// Mountpoint is a Tree that is mounted.
type Mountpoint struct{}

// Mount returns ErrUnsupported.
func Mount(Config) (*Mountpoint, error) { return nil, ErrUnsupported }

// Unmount returns ErrUnsupported.
func Unmount(string, bool) error { return ErrUnsupported }

// Dir returns "".
func (*Mountpoint) Dir() string { return "" }

// Changed does nothing.
func (*Mountpoint) Changed(string, ChangeKind) {}

// Stats returns zeros.
func (*Mountpoint) Stats() Stats { return Stats{} }

// Wait returns ErrUnsupported.
func (*Mountpoint) Wait() error { return ErrUnsupported }

// Close returns ErrUnsupported.
func (*Mountpoint) Close() error { return ErrUnsupported }
