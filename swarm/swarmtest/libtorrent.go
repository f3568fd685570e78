package swarmtest

import (
	_ "embed"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// python is Debian's, which finds python3-libtorrent; another one that comes
// first in PATH would not.
const python = "/usr/bin/python3"

//go:embed libtorrent_peer.py
var libtorrentPeer []byte

//go:embed libtorrent_make.py
var libtorrentMake []byte

// LibtorrentSeed starts a libtorrent session that seeds, and waits until it
// does: until its tracker has answered, if the torrent names one.
func LibtorrentSeed(t testing.TB, run Run) *Client {
	t.Helper()
	c := libtorrent(t, "seed", run)
	c.until(t, "seeding", 20*time.Second, func() bool { return strings.Contains(c.Log(), "READY\n") })
	return c
}

// LibtorrentLeech starts a libtorrent session that downloads, and ends with
// status 0 when it has everything.
func LibtorrentLeech(t testing.TB, run Run) *Client {
	t.Helper()
	c := libtorrent(t, "leech", run)
	c.whole = c.exited
	return c
}

// WaitVerified waits until a libtorrent leech has verified its last piece. It
// may end seconds later, because it waits for its tracker to hear that it goes.
func (c *Client) WaitVerified(t testing.TB, patience time.Duration) {
	t.Helper()
	c.until(t, "verified", patience, func() bool { return strings.Contains(c.Log(), "WHOLE\n") })
}

func libtorrent(t testing.TB, role string, run Run) *Client {
	t.Helper()
	Need(t, "libtorrent")
	run.prepare(t, 1)
	settings, err := json.Marshal(run.Settings)
	if err != nil {
		t.Fatal(err)
	}
	home := scratch(t)
	script := filepath.Join(home, "peer.py")
	write(t, script, libtorrentPeer)
	args := []string{script, role, run.Addr.String(), run.Dir, run.Torrent, string(settings)}
	for _, p := range run.Peers {
		args = append(args, p.String())
	}
	c := &Client{Process: run.start(t, home, python, args...), Addr: run.Addr, Dir: run.Dir}
	c.Name = "libtorrent " + role
	c.whole = func() bool { return strings.Contains(c.Log(), "WHOLE\n") }
	return c
}

// LibtorrentMake makes a .torrent of a file or directory with libtorrent, and
// returns its path and the magnet link.
func LibtorrentMake(t testing.TB, kind Kind, path string, pieceLength int, trackers ...string) (torrent, magnet string) {
	t.Helper()
	Need(t, "libtorrent")
	home := scratch(t)
	torrent = filepath.Join(home, string(kind)+".torrent")
	script := filepath.Join(home, "make.py")
	write(t, script, libtorrentMake)
	args := append([]string{script, string(kind), strconv.Itoa(pieceLength), path, torrent}, trackers...)
	p := startIn(t, home, "", python, args...)
	if err := p.Wait(30 * time.Second); err != nil {
		t.Fatalf("making a torrent of %s: %v\n%s", path, err, p.Log())
	}
	return torrent, strings.TrimSpace(p.Log())
}
