//go:build unix

package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/server"
	"p2pfs/swarm/tracker/trackertest"
)

// python is the interpreter that Debian's libtorrent belongs to.
const python = "/usr/bin/python3"

// libtorrent starts a libtorrent peer. Its lines come on the channel; leave makes
// it tell its trackers that it goes, and waits until it has gone.
func libtorrent(t *testing.T, host, magnet string) (listen netip.AddrPort, lines <-chan string, leave func()) {
	t.Helper()
	trackertest.Program(t, python, "python3-libtorrent")
	if err := exec.Command(python, "-c", "import libtorrent").Run(); err != nil {
		trackertest.Missing(t, "libtorrent for "+python, "python3-libtorrent")
	}
	listen = netip.AddrPortFrom(netip.MustParseAddr(host), trackertest.FreePort(t, host))
	cmd := exec.Command(python, "testdata/peer.py", listen.String(), t.TempDir(), magnet)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	trackertest.Run(t, cmd)
	said := make(chan string, 1000)
	go func() { // ends with the program
		defer close(said)
		for s := bufio.NewScanner(out); s.Scan(); {
			said <- s.Text()
		}
	}()
	return listen, said, func() {
		fmt.Fprintln(in, "leave")
		until(t, said, "REPLY")
	}
}

// until waits for a line that begins with what is wanted.
func until(t *testing.T, lines <-chan string, want string) string {
	t.Helper()
	timeout := time.After(30 * time.Second)
	var seen []string
	for {
		select {
		case line, ok := <-lines:
			if strings.HasPrefix(line, want) {
				return line
			}
			if !ok {
				t.Fatalf("it ended; it had said %q, not %s", seen, want)
			}
			seen = append(seen, line)
		case <-timeout:
			t.Fatalf("it said %q, not %s", seen, want)
		}
	}
}

// TestLibtorrent: libtorrent announces to our server and is found through it; a
// peer that our client announced is found by libtorrent, which dials it; and it
// is gone when libtorrent said so.
func TestLibtorrent(t *testing.T) {
	for _, c := range []struct{ addr, host, own string }{
		{"127.0.0.1:0", "127.0.0.3", "127.0.0.4"},
		{"[::1]:0", "::1", "::1"},
		{":0", "127.0.0.3", "127.0.0.4"},
	} {
		t.Run(c.addr, func(t *testing.T) {
			s, url := start(t, server.Config{Addr: c.addr})
			if strings.HasPrefix(c.addr, ":") {
				url = strings.Replace(url, "[::]", "127.0.0.1", 1)
			}
			ih := [20]byte{0xab, byte(len(c.host))}
			l, err := net.Listen("tcp", net.JoinHostPort(c.own, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			self := netip.MustParseAddrPort(l.Addr().String())
			ours := client(t, c.own)
			req := tracker.Request{InfoHash: ih, PeerID: [20]byte{9}, Port: self.Port(), Left: 1}
			announce(t, ours, url, req)

			magnet := fmt.Sprintf("magnet:?xt=urn:btih:%x&tr=%s/announce", ih, url)
			theirs, lines, leave := libtorrent(t, c.host, magnet)
			if got := until(t, lines, "REPLY"); got != "REPLY 1" {
				t.Errorf("it was told of %q peers, want 1", got)
			}
			r := announce(t, ours, url, req)
			if len(r.Peers) != 1 || r.Peers[0] != theirs || r.Leechers != 2 {
				t.Errorf("our client was told %+v, want %v", r, theirs)
			}
			if got := dialled(t, l); [20]byte(got[28:48]) != ih {
				t.Errorf("it dialled with %x", got)
			}
			leave()
			if st := s.Stats(); st.Peers != 1 || st.Refusals != 0 {
				t.Errorf("after it left: %+v", st)
			}
		})
	}
}

// dialled accepts a connection and returns the handshake that comes on it (BEP 3).
func dialled(t *testing.T, l net.Listener) []byte {
	t.Helper()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(30 * time.Second))
	hand := make([]byte, 68)
	for {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, err = io.ReadFull(conn, hand)
		conn.Close()
		if err == nil && hand[0] == 19 { // else an encrypted handshake; it tries again
			return hand
		}
	}
}

// TestLibtorrentCounted: what libtorrent announced is in our scrape.
func TestLibtorrentCounted(t *testing.T) {
	_, url := start(t, server.Config{Addr: "127.0.0.1:0"})
	ih := [20]byte{0xcd}
	_, lines, _ := libtorrent(t, "127.0.0.5", fmt.Sprintf("magnet:?xt=urn:btih:%x&tr=%s/announce", ih, url))
	until(t, lines, "REPLY 0")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := client(t, "127.0.0.2").Scrape(ctx, url, [][20]byte{ih})
	if err != nil || got[0].Leechers != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}
