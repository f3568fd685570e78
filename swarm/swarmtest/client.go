package swarmtest

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// Run says what a real client is to do.
type Run struct {
	Torrent string // path of a .torrent file, or a magnet link
	// Dir is the directory that holds the payload, or is to hold it. Default:
	// a new one.
	Dir  string
	Addr netip.AddrPort // to listen on; default: a host of its own and a free port
	// Peers are dialled once a second until one is connected. Libtorrent only.
	Peers []netip.AddrPort
	// Settings are added to libtorrent's, and args to those of the others.
	Settings map[string]any
	Args     []string
	// Under is a command to run the client by, such as Netns.Enter. Addr must
	// be given then. Aria2Seed and RtorrentSeed cannot: they wait until they
	// can dial the client.
	Under []string
}

// prepare fills in the defaults; ports is how many the client takes, from
// Addr's on.
func (r *Run) prepare(t testing.TB, ports int) {
	t.Helper()
	if r.Dir == "" {
		r.Dir = scratch(t)
	}
	if !r.Addr.IsValid() {
		host := Host()
		r.Addr = netip.AddrPortFrom(host, FreePorts(t, host, ports))
	}
}

// start starts the client's program.
func (r *Run) start(t testing.TB, home, name string, args ...string) *Process {
	t.Helper()
	full, all := under(r.Under, name, args)
	p := startIn(t, home, "", full, all...)
	p.Name = name
	return p
}

// Client is a running client.
type Client struct {
	*Process
	Addr netip.AddrPort // where it takes connections from peers
	Dir  string         // of the payload

	whole func() bool // whether it has all
}

// WaitWhole waits until the client says that it has everything. That does not
// mean that it is right: compare the bytes.
func (c *Client) WaitWhole(t testing.TB, patience time.Duration) {
	t.Helper()
	c.until(t, "whole", patience, c.whole)
}

// untilListening waits until the client takes connections.
func (c *Client) untilListening(t testing.TB, patience time.Duration) {
	t.Helper()
	c.until(t, "listening", patience, func() bool {
		conn, err := net.DialTimeout("tcp", c.Addr.String(), time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// exited reports whether the program has ended with status 0.
func (p *Process) exited() bool {
	select {
	case <-p.done:
		return p.err == nil
	default:
		return false
	}
}
