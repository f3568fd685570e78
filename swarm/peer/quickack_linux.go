package peer

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// quickAck asks the kernel to acknowledge at once what comes next. A sender
// that leaves Nagle's algorithm on (libtorrent does) holds the end of a block
// back until our acknowledgement, which would otherwise be delayed by 40 ms.
// The kernel forgets it, so it is asked before each read that may wait.
func quickAck(c net.Conn) {
	if sc, ok := c.(syscall.Conn); ok {
		if rc, err := sc.SyscallConn(); err == nil {
			rc.Control(func(fd uintptr) {
				unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
			})
		}
	}
}
