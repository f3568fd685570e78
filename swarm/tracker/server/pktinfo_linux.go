package server

import (
	"encoding/binary"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// infoConn is a socket on all addresses. It learns from the kernel at which one
// a packet arrived, and answers from there: a client must see the answer come
// from the address that it asked.
type infoConn struct {
	*net.UDPConn
	port uint16
	v6   bool // the socket's own family; an IPv6 one may carry IPv4 too
}

// oobLen has room for both kinds of packet information.
const oobLen = 128

// newInfoConn asks the kernel for packet information; nil if it refuses.
func newInfoConn(udp *net.UDPConn, port uint16) conn {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil
	}
	c := infoConn{UDPConn: udp, port: port}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		family, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			setErr = err
			return
		}
		c.v6 = family == unix.AF_INET6
		if c.v6 {
			setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		} else {
			setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
	})
	if err != nil || setErr != nil {
		return nil
	}
	return c
}

func (c infoConn) read(p []byte) (int, route, error) {
	var oob [oobLen]byte
	n, oobn, _, from, err := c.ReadMsgUDPAddrPort(p, oob[:])
	r := route{from: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), port: c.port}
	if err == nil {
		r.to, r.link = arrival(oob[:oobn])
	}
	return n, r, err
}

func (c infoConn) write(p []byte, r route) error {
	var oob [oobLen]byte
	_, _, err := c.WriteMsgUDPAddrPort(p, c.departure(oob[:0], r), r.from)
	return err
}

// The layout of struct cmsghdr: a length of the size of a word, level and type of
// 4 bytes each, then the data; everything aligned to a word.
const (
	word    = int(unsafe.Sizeof(uintptr(0)))
	cmsgLen = word + 8
)

// arrival finds the address in the control messages that came with a packet.
func arrival(oob []byte) (netip.Addr, int) {
	ne := binary.NativeEndian
	for len(oob) >= cmsgLen {
		n := int(wordAt(oob))
		if n < cmsgLen || n > len(oob) {
			break
		}
		level, kind, data := int(ne.Uint32(oob[word:])), int(ne.Uint32(oob[word+4:])), oob[cmsgLen:n]
		switch {
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4([4]byte(data[4:8])), 0 // ipi_spec_dst: ours, even for a broadcast
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			to := netip.AddrFrom16([16]byte(data[:16])).Unmap()
			if to.IsLinkLocalUnicast() && to.Is6() {
				return to, int(ne.Uint32(data[16:]))
			}
			return to, 0
		}
		oob = oob[min((n+word-1)&^(word-1), len(oob)):]
	}
	return netip.Addr{}, 0
}

// departure appends the control message that sends an answer from where its
// question arrived.
func (c infoConn) departure(oob []byte, r route) []byte {
	if !r.to.IsValid() {
		return nil
	}
	ne := binary.NativeEndian
	level, kind, size := unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo
	if c.v6 {
		level, kind, size = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo
	}
	oob = appendWord(oob, cmsgLen+size)
	oob = ne.AppendUint32(oob, uint32(level))
	oob = ne.AppendUint32(oob, uint32(kind))
	if c.v6 {
		a := r.to.As16()
		oob = ne.AppendUint32(append(oob, a[:]...), uint32(r.link))
	} else {
		a := r.to.As4()
		oob = append(ne.AppendUint32(oob, 0), a[:]...)
		oob = append(oob, 0, 0, 0, 0)
	}
	for len(oob)%word != 0 {
		oob = append(oob, 0)
	}
	return oob
}

func wordAt(b []byte) uint64 {
	if word == 8 {
		return binary.NativeEndian.Uint64(b)
	}
	return uint64(binary.NativeEndian.Uint32(b))
}

func appendWord(b []byte, n int) []byte {
	if word == 8 {
		return binary.NativeEndian.AppendUint64(b, uint64(n))
	}
	return binary.NativeEndian.AppendUint32(b, uint32(n))
}
