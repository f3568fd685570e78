package swarmtest

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Tracker is a running opentracker: UDP and HTTP on one port. Debian's build
// serves only the infohashes it is told.
type Tracker struct {
	*Process
	Addr netip.AddrPort
	URL  string // udp://…/announce

	hashes [][20]byte
}

// Opentracker starts a tracker for some infohashes (of v2 the first 20
// bytes).
func Opentracker(t testing.TB, infoHashes ...[20]byte) *Tracker {
	t.Helper()
	Need(t, "opentracker")
	host := Host()
	addr := netip.AddrPortFrom(host, FreePorts(t, host, 1))
	tr := &Tracker{Addr: addr, URL: fmt.Sprintf("udp://%v/announce", addr), hashes: infoHashes}
	home := scratch(t)
	tr.writeList(t, home)
	port := fmt.Sprint(addr.Port())
	args := []string{"-i", host.String(), "-p", port, "-P", port, "-d", home, "-w", "wl"}
	tr.Process = startIn(t, home, "", "opentracker", args...)
	// Any answer at all is a sign of life.
	tr.until(t, "answering", 10*time.Second, func() bool {
		_, err := ask(tr.URL, 2, make([]byte, 20))
		return err == nil
	})
	tr.untilServed(t, infoHashes)
	return tr
}

// Allow adds infohashes to those that are served.
func (tr *Tracker) Allow(t testing.TB, infoHashes ...[20]byte) {
	t.Helper()
	tr.hashes = append(tr.hashes, infoHashes...)
	tr.writeList(t, tr.Home)
	tr.Signal(syscall.SIGHUP)
	tr.untilServed(t, infoHashes)
}

func (tr *Tracker) untilServed(t testing.TB, infoHashes [][20]byte) {
	t.Helper()
	for _, h := range infoHashes {
		tr.until(t, "serving what it was told", 10*time.Second, func() bool { return serves(tr.URL, h) == nil })
	}
}

// writeList writes the list of infohashes where the tracker reads it.
func (tr *Tracker) writeList(t testing.TB, home string) {
	t.Helper()
	var list strings.Builder
	for _, h := range tr.hashes {
		fmt.Fprintf(&list, "%x\n", h)
	}
	if err := os.WriteFile(filepath.Join(home, "wl"), []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// WaitSeeders waits until the tracker lists n seeders.
func (tr *Tracker) WaitSeeders(t testing.TB, infoHash [20]byte, n int, patience time.Duration) {
	t.Helper()
	tr.until(t, fmt.Sprintf("listing %d seeders", n), patience, func() bool {
		s, err := Scrape(tr.URL, infoHash)
		return err == nil && s.Seeders >= n
	})
}
