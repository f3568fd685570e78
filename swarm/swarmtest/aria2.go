package swarmtest

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Aria2Seed starts aria2 as a seeder and waits until it listens. It cannot do
// v2 and hybrid torrents (1.36).
func Aria2Seed(t testing.TB, run Run) *Client {
	t.Helper()
	run.Args = append([]string{"--check-integrity=true", "--seed-ratio=0"}, run.Args...)
	c := aria2(t, run)
	c.untilListening(t, 10*time.Second)
	return c
}

// Aria2Leech starts aria2 as a leecher, which ends with status 0 when it has
// everything.
func Aria2Leech(t testing.TB, run Run) *Client {
	t.Helper()
	run.Args = append([]string{"--seed-time=0"}, run.Args...)
	return aria2(t, run)
}

func aria2(t testing.TB, run Run) *Client {
	t.Helper()
	Need(t, "aria2c")
	run.prepare(t, 2)
	home := scratch(t)
	port := int(run.Addr.Port())
	args := []string{
		// Without DHT it does not speak to UDP trackers; with an empty table
		// no packet of it leaves.
		"--no-conf", "--enable-dht=true", "--enable-dht6=false", "--dht-file-path=" + filepath.Join(home, "dht.dat"),
		"--dht-listen-port=" + strconv.Itoa(port+1), "--listen-port=" + strconv.Itoa(port),
		"--interface=" + run.Addr.Addr().String(), "--disable-ipv6=true", "--bt-enable-lpd=false",
		"--enable-peer-exchange=false", "--file-allocation=none", "--summary-interval=0", "--dir=" + run.Dir,
	}
	args = append(append(args, run.Args...), run.Torrent)
	c := &Client{Process: run.start(t, home, "aria2c", args...), Addr: run.Addr, Dir: run.Dir}
	c.whole = c.exited
	return c
}
