package mounting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"bazil.org/fuse"
	"golang.org/x/sys/unix"
)

const (
	// MaxRead is the most that the kernel asks for at once, in bytes.
	MaxRead = 1 << 20
	// maxWrite is the most that it may write at once, which the library's
	// buffers have room for.
	maxWrite = 128 << 10
	// readAhead is how far the kernel reads ahead where it may be told. Unless
	// root does, it stays at 128 KiB. More gains nothing (measured with 1 and
	// 4 MiB).
	readAhead = 512 << 10
)

// initFlags are the features that we know, as far as the kernel has them. Never
// InitAsyncRead: with it the kernel waits for reads deaf to signals, and twelve
// of them block the whole mount.
const initFlags = libraryFlags | fuse.InitMaxPages | fuse.InitDoReaddirplus | fuse.InitReaddirplusAuto

// libraryFlags are those that the library is to know of.
const libraryFlags = fuse.InitBigWrites | fuse.InitParallelDirOps | fuse.InitAsyncDIO | fuse.InitSetxattrExt

// Versions of the kernel's protocol.
var (
	oldest  = fuse.Protocol{Major: 7, Minor: 17} // what the library wants at least
	newest  = fuse.Protocol{Major: 7, Minor: 33} // what it knows
	longOut = fuse.Protocol{Major: 7, Minor: 23} // the answer to INIT grew
)

// opInit is the number of FUSE_INIT.
const opInit = 26

// connect answers INIT, the first request of a mount.
func connect(fd int) (*Conn, error) {
	in := make([]byte, 4096+maxWrite) // as the library reads
	n, err := unix.Read(fd, in)
	for err == unix.EINTR {
		n, err = unix.Read(fd, in)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fuseDevice, err)
	}
	out, proto, flags, err := answerInit(in[:n])
	if err != nil {
		return nil, err
	}
	c, err := newConn(fd, proto, flags&libraryFlags)
	if err != nil {
		return nil, err
	}
	if _, err := unix.Write(fd, out); err != nil {
		return nil, fmt.Errorf("%s: %w", fuseDevice, err)
	}
	return c, nil
}

// answerInit returns the answer to a FUSE_INIT, and what was agreed on by it.
func answerInit(in []byte) (out []byte, proto fuse.Protocol, flags fuse.InitFlags, err error) {
	ne := binary.NativeEndian
	if len(in) < header+16 || ne.Uint32(in[4:]) != opInit {
		return nil, proto, 0, errors.New("the kernel did not begin with FUSE_INIT")
	}
	body := in[header:]
	kernel := fuse.Protocol{Major: ne.Uint32(body), Minor: ne.Uint32(body[4:])}
	if kernel.Major != newest.Major || kernel.LT(oldest) {
		return nil, proto, 0, fmt.Errorf("the kernel speaks FUSE %v, not %v or later of %d", kernel, oldest, oldest.Major)
	}
	proto = newest
	if kernel.LT(proto) {
		proto = kernel
	}
	flags = fuse.InitFlags(ne.Uint32(body[12:])) & initFlags
	size := 64
	if proto.LT(longOut) {
		size = 24
	}
	out = make([]byte, 16+size)
	ne.PutUint32(out, uint32(len(out)))
	copy(out[8:16], in[8:16]) // the number of the request
	o := out[16:]
	ne.PutUint32(o, proto.Major)
	ne.PutUint32(o[4:], proto.Minor)
	ne.PutUint32(o[8:], MaxRead) // as much read-ahead as it grants
	ne.PutUint32(o[12:], uint32(flags))
	ne.PutUint32(o[20:], maxWrite) // behind max_background, congestion_threshold
	if size > 24 {
		ne.PutUint32(o[24:], 1) // nanoseconds: the granularity of times
		ne.PutUint16(o[28:], uint16(MaxRead/os.Getpagesize()))
	}
	return out, proto, flags, nil
}

// readAhead has the kernel read further ahead than it does by itself, where we
// are root: bytes come in fewer, larger requests.
func (c *Conn) readAhead(path string) {
	m, ok, err := At(path)
	if err != nil || !ok || os.Geteuid() != 0 {
		return
	}
	name := fmt.Sprintf("/sys/class/bdi/0:%d/read_ahead_kb", m.Minor)
	os.WriteFile(name, fmt.Append(nil, readAhead>>10), 0) // in a container it may be read-only: then it is slower
}
