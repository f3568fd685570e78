package tracker

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// A question is what an answer must match: who was asked, under which
// transaction id.
type question struct {
	addr        netip.AddrPort
	transaction uint32
}

// A socket is the one UDP socket of an address family, and the questions asked
// through it that have no answer yet. Its reader ends when it is closed.
type socket struct {
	pc   net.PacketConn
	done chan struct{} // closed when the reader has ended
	// open holds what to do with each answer, called once, on the reader's
	// goroutine and without the lock; it may not keep the packet. Guarded by
	// udpTrackers.mu.
	open map[question]func(reply []byte)
}

// A datagram holds at most 65507 bytes, so nothing is ever cut.
const maxDatagram = 1 << 16

// read hands answers out until the socket is closed. Errors that are told
// through the socket though they concern one packet (ICMP) are survived.
func (u *udpTrackers) read(s *socket) {
	defer close(s.done)
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.pc.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) || u.isClosed() {
			return
		}
		if err != nil {
			u.cfg.Log.Debug("tracker socket", "err", err)
			if !u.rest(10 * time.Millisecond) {
				return
			}
			continue
		}
		u.cfg.Guard.Do(func() { u.deliver(s, addrPort(from), buf[:n]) })
	}
}

// rest waits a little, so that a socket that only errs does not spin. It
// reports false when the client is closed meanwhile.
func (u *udpTrackers) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-u.closed:
		return false
	}
}

// deliver gives a packet to whoever asked for it, and drops it if nobody did.
func (u *udpTrackers) deliver(s *socket, from netip.AddrPort, p []byte) {
	if len(p) < 8 {
		return
	}
	q := question{from, binary.BigEndian.Uint32(p[4:])}
	u.mu.Lock()
	answer := s.open[q]
	delete(s.open, q)
	u.mu.Unlock()
	if answer != nil {
		answer(p)
	}
}

// ask registers a question under a fresh transaction id, which it returns.
// The caller holds u.mu.
func (s *socket) ask(addr netip.AddrPort, answer func([]byte)) question {
	for {
		q := question{addr, random32()}
		if _, taken := s.open[q]; !taken {
			s.open[q] = answer
			return q
		}
	}
}

// send writes one packet. Only an error that no retry will mend soon is
// returned: no route, or no address to send from.
func (u *udpTrackers) send(s *socket, p []byte, to netip.AddrPort) error {
	_, err := s.pc.WriteTo(p, net.UDPAddrFromAddrPort(to))
	if err == nil || hopeless(err) {
		return err
	}
	u.cfg.Log.Debug("tracker send", "tracker", to.String(), "err", err)
	return nil
}

func hopeless(err error) bool {
	for _, no := range []syscall.Errno{syscall.ENETUNREACH, syscall.EHOSTUNREACH,
		syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EINVAL} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// addrPort is an address as a socket tells it, IPv4-mapped ones as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// random32 is unpredictable. crypto/rand.Read never fails.
func random32() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}
