package swarmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// RtorrentSeed starts rtorrent as a seeder and waits until it listens. It
// takes hybrid torrents as v1, and no v2 ones (0.9.8).
func RtorrentSeed(t testing.TB, run Run) *Client {
	t.Helper()
	c := rtorrent(t, run)
	c.untilListening(t, 10*time.Second)
	return c
}

// RtorrentLeech starts rtorrent as a leecher.
func RtorrentLeech(t testing.TB, run Run) *Client {
	t.Helper()
	return rtorrent(t, run)
}

func rtorrent(t testing.TB, run Run) *Client {
	t.Helper()
	Need(t, "rtorrent")
	run.prepare(t, 1)
	home := scratch(t)
	done, session := filepath.Join(home, "done"), filepath.Join(home, "s")
	torrent := run.Torrent
	if strings.HasPrefix(torrent, "magnet:") { // goes in as a file
		torrent = filepath.Join(home, "m.torrent")
		write(t, torrent, fmt.Appendf(nil, "d10:magnet-uri%d:%se", len(run.Torrent), run.Torrent))
	}
	if err := os.Mkdir(session, 0o755); err != nil {
		t.Fatal(err)
	}
	rc := []string{
		"system.daemon.set = true",
		"session.path.set = " + session,
		"directory.default.set = " + run.Dir,
		"network.bind_address.set = " + run.Addr.Addr().String(),
		fmt.Sprintf("network.port_range.set = %d-%[1]d", run.Addr.Port()),
		"network.port_random.set = no",
		"dht.mode.set = disable",
		"protocol.pex.set = no",
		"trackers.use_udp.set = yes",
		"protocol.encryption.set = allow_incoming",
		"network.scgi.open_local = " + filepath.Join(home, "scgi"),
		fmt.Sprintf("method.set_key = event.download.finished,done,\"execute=touch,%s\"", done),
	}
	rc = append(append(rc, run.Args...), "load.start = "+torrent)
	write(t, filepath.Join(home, "rc"), []byte(strings.Join(rc, "\n")+"\n"))
	c := &Client{
		Process: run.start(t, home, "rtorrent", "-n", "-o", "import="+filepath.Join(home, "rc")),
		Addr:    run.Addr, Dir: run.Dir,
	}
	c.whole = func() bool {
		_, err := os.Stat(done)
		return err == nil
	}
	return c
}
