package swarmtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// maxDatagram is the longest datagram that is relayed, in bytes.
const maxDatagram = 64 << 10

// UDP relays datagrams over the link and returns the address to send to. It
// listens on listen (zero: a host of its own); to each sender it gives a port
// of the same host, from which its datagrams reach to, and to which answers
// come. Jitter may change their order. It ends with the test.
func (l *Link) UDP(t testing.TB, listen, to netip.AddrPort) netip.AddrPort {
	t.Helper()
	if !listen.IsValid() {
		listen = netip.AddrPortFrom(Host(), 0)
	}
	pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(listen))
	if err != nil {
		t.Fatalf("swarmtest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &udpRelay{link: l, front: pc, to: to, senders: make(map[netip.AddrPort]*net.UDPConn)}
	r.wg.Go(func() { r.run(ctx) })
	t.Cleanup(func() {
		cancel()
		pc.Close()
		r.wg.Wait()
	})
	return pc.LocalAddr().(*net.UDPAddr).AddrPort()
}

// udpRelay carries datagrams. senders belongs to run's goroutine.
type udpRelay struct {
	link    *Link
	front   *net.UDPConn
	to      netip.AddrPort
	senders map[netip.AddrPort]*net.UDPConn // the port each one got
	wg      sync.WaitGroup
}

func (r *udpRelay) run(ctx context.Context) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buf)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			continue // an ICMP answer to what was sent before
		}
		port, err := r.port(ctx, from)
		if err != nil {
			continue
		}
		r.pass(ctx, &r.link.out, buf[:n], func(p []byte) error {
			_, err := port.Write(p)
			return err
		})
	}
	for _, port := range r.senders {
		port.Close()
	}
}

// port returns the socket from which a sender's datagrams go on.
func (r *udpRelay) port(ctx context.Context, from netip.AddrPort) (*net.UDPConn, error) {
	if port, ok := r.senders[from]; ok {
		return port, nil
	}
	host := r.front.LocalAddr().(*net.UDPAddr).IP
	port, err := net.DialUDP("udp", &net.UDPAddr{IP: host}, net.UDPAddrFromAddrPort(r.to))
	if err != nil {
		return nil, err
	}
	r.senders[from] = port
	r.wg.Go(func() {
		buf := make([]byte, maxDatagram)
		for {
			n, err := port.Read(buf)
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			r.pass(ctx, &r.link.back, buf[:n], func(p []byte) error {
				_, err := r.front.WriteToUDPAddrPort(p, from)
				return err
			})
		}
	})
	return port, nil
}

// pass sends one datagram when its time has come, or loses it.
func (r *udpRelay) pass(ctx context.Context, w *way, p []byte, send func([]byte) error) {
	shape, state := r.link.now()
	if state != up || rand.Float64() < shape.Loss {
		return
	}
	sent, ok := w.bucket.reserve(len(p), time.Now(), shape.Rate, maxQueue)
	if !ok {
		return
	}
	p = append([]byte(nil), p...)
	r.wg.Go(func() {
		if sleep(ctx, time.Until(sent.Add(shape.latency()))) != nil {
			return
		}
		if _, state := r.link.now(); state != up {
			return
		}
		if send(p) == nil {
			w.bytes.Add(int64(len(p)))
		}
	})
}
