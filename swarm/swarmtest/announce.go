package swarmtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// Swarm is what a tracker says of an infohash.
type Swarm struct{ Seeders, Leechers int }

// errNotServed is a tracker that does not serve an infohash.
var errNotServed = errors.New("swarmtest: the tracker does not serve this infohash")

// Scrape asks a UDP tracker (BEP 15), once, how many peers it lists. This is
// a client of its own, so that it can be used to test the real one.
func Scrape(trackerURL string, infoHash [20]byte) (Swarm, error) {
	var s Swarm
	answer, err := ask(trackerURL, 2, infoHash[:])
	if err != nil {
		return s, err
	}
	if len(answer) < 12 {
		return s, errNotServed
	}
	s.Seeders = int(binary.BigEndian.Uint32(answer))
	s.Leechers = int(binary.BigEndian.Uint32(answer[8:]))
	return s, nil
}

// serves returns nil if a UDP tracker has an answer for an infohash. It
// announces a peer, as nothing else tells, and takes it back at once.
func serves(trackerURL string, infoHash [20]byte) error {
	const started, stopped = 2, 3
	id := PeerID()
	var err error
	for _, event := range []uint32{started, stopped} {
		p := append(append([]byte(nil), infoHash[:]...), id[:]...)
		p = append(p, make([]byte, 24)...) // downloaded, left, uploaded
		p = binary.BigEndian.AppendUint32(p, event)
		p = append(p, make([]byte, 12)...)           // IP, key, numwant 0
		p = binary.BigEndian.AppendUint16(p, 0xfffe) // port
		var answer []byte
		if answer, err = ask(trackerURL, 1, p); err != nil {
			return err
		}
		if len(answer) < 12 {
			return errNotServed
		}
	}
	return nil
}

// ask connects to a UDP tracker, sends one request and returns what follows
// the transaction id in the answer.
func ask(trackerURL string, action uint32, body []byte) ([]byte, error) {
	u, err := url.Parse(trackerURL)
	if err != nil {
		return nil, err
	}
	to, err := netip.ParseAddrPort(u.Host)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("udp", to.String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	conn, err := exchange(c, 0x41727101980, 0, nil)
	if err != nil {
		return nil, err
	}
	if len(conn) != 8 {
		return nil, fmt.Errorf("connect: answer of %d bytes", 8+len(conn))
	}
	return exchange(c, binary.BigEndian.Uint64(conn), action, body)
}

func exchange(c net.Conn, connection uint64, action uint32, body []byte) ([]byte, error) {
	transaction := rand.Uint32()
	p := binary.BigEndian.AppendUint64(nil, connection)
	p = binary.BigEndian.AppendUint32(p, action)
	p = binary.BigEndian.AppendUint32(p, transaction)
	if _, err := c.Write(append(p, body...)); err != nil {
		return nil, err
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 2048)
	n, err := c.Read(buf)
	if err != nil {
		return nil, err
	}
	if n < 8 || binary.BigEndian.Uint32(buf) != action || binary.BigEndian.Uint32(buf[4:]) != transaction {
		return nil, fmt.Errorf("action %d: answer %.80q", action, buf[:n])
	}
	return buf[8:n], nil
}
