//go:build !linux

package mounting

// Unmount returns ErrUnsupported.
func Unmount(string, bool) error { return ErrUnsupported }

// Check returns ErrUnsupported.
func Check(string) (string, error) { return "", ErrUnsupported }

// Resolve returns ErrUnsupported.
func Resolve(string) (string, error) { return "", ErrUnsupported }
