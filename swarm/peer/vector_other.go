//go:build !linux

package peer

import "net"

// vector is for Linux only.
type vector struct{}

func newVector(net.Conn) *vector { return nil }

func (*vector) read([][]byte) (int, error) { panic("peer: no vector") }

func (*vector) write(net.Buffers) error { panic("peer: no vector") }
