//go:build unix

package trackertest

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// Opentracker runs the opentracker program on 127.0.0.1 until the test ends and
// returns its UDP announce URL (its HTTP one has the same port). It serves the
// given torrents only, one at least; v2 torrents by the first 20 bytes of their
// hash.
func Opentracker(tb testing.TB, infoHashes ...[20]byte) string {
	tb.Helper()
	path := Program(tb, "opentracker", "opentracker")
	// Started by root it becomes another user, who must be able to enter, so that
	// tb.TempDir will not do.
	dir, err := os.MkdirTemp("", "opentracker")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	var list []byte
	for _, h := range infoHashes {
		list = append(hex.AppendEncode(list, h[:]), '\n')
	}
	if err := os.WriteFile(filepath.Join(dir, "wl"), list, 0o644); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	port := FreePort(tb, "127.0.0.1")
	p := fmt.Sprint(port)
	cmd := exec.Command(path, "-i", "127.0.0.1", "-p", p, "-P", p, "-d", dir, "-w", "wl")
	cmd.Dir = dir
	Run(tb, cmd)
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	deadline := time.Now().Add(20 * time.Second)
	for !serves(addr, infoHashes[len(infoHashes)-1]) {
		if time.Now().After(deadline) {
			tb.Fatal("opentracker does not serve its torrents after 20 s")
		}
	}
	return "udp://" + addr.String() + "/announce"
}

// serves asks a tracker once whether it serves a torrent: it may not have read
// its list yet. It has to announce a peer, for the list is looked at for nothing
// else, and takes it back.
func serves(addr netip.AddrPort, infoHash [20]byte) bool {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	buf := make([]byte, 2048)
	ask := func(p []byte) []byte {
		c.Write(p)
		n, err := c.Read(buf)
		if err != nil { // refused, as long as nobody listens: not at once again
			<-time.After(5 * time.Millisecond)
		}
		return buf[:n]
	}
	conn, err := packet.ParseConnectReply(ask(packet.AppendConnect(nil, 1)))
	if err != nil {
		return false
	}
	peer := packet.AnnounceRequest{Conn: conn, InfoHash: infoHash, Left: 1, Event: packet.Started, Port: 1}
	_, err = packet.ParseAnnounceReply(ask(packet.AppendAnnounce(nil, &peer, "")), false)
	if err != nil {
		return false
	}
	peer.Event = packet.Stopped
	_, err = packet.ParseAnnounceReply(ask(packet.AppendAnnounce(nil, &peer, "")), false)
	return err == nil
}
