//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// machine is a member that runs as a process in a network namespace, with the
// default --listen.
type machine struct {
	*mounted // for its directories
	process  *swarmtest.Process
}

// startMachine mounts and waits until it is said so.
func startMachine(t *testing.T, n *swarmtest.Netns, drive, name string, flags ...string) *machine {
	t.Helper()
	m := &machine{mounted: newMounted(t, drive, name)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{asCommand + "=1", self, "mount", m.mnt(), "--share", m.share(""), "--cache", m.base + "/cache",
		"--state", m.base + "/state", "--drive", drive, "--name", name}
	m.process = n.Start(t, "env", append(args, flags...)...)
	t.Cleanup(func() {
		m.stop()
		mounting.Unmount(m.mnt(), true)
	})
	within(t, clientPatience, func() error {
		select {
		case <-m.process.Done():
			t.Fatalf("%s ended: %s", name, m.process.Log())
		default:
		}
		if !strings.Contains(m.process.Log(), "p2pfs: drive ") {
			return fmt.Errorf("%s has not mounted: %s", name, m.process.Log())
		}
		return nil
	})
	return m
}

// stop interrupts the process, which must end well and leave no mount.
func (m *machine) stop() {
	m.t.Helper()
	m.process.Signal(syscall.SIGTERM)
	if err := m.process.Wait(15 * time.Second); err != nil {
		m.t.Errorf("%s: %v", m.name, err)
	}
	if err := exec.Command("mountpoint", "-q", m.mnt()).Run(); err == nil {
		m.t.Errorf("%s is still mounted", m.mnt())
	}
}

// TestOneNetwork has members on two machines find each other with nothing but
// the cable between them: no tracker, no address.
func TestOneNetwork(t *testing.T) {
	t.Parallel()
	needMount(t)
	here, there := swarmtest.NewNetns(t), swarmtest.NewNetns(t)
	swarmtest.Join(t, here, there, netip.MustParsePrefix("10.78.0.1/24"), netip.MustParsePrefix("10.78.0.2/24"))
	anna := startMachine(t, here, t.Name(), "anna", "--no-embedded-tracker", "--log-level", "debug")
	randomFile(t, anna.share("from anna"), 200_000)
	bob := startMachine(t, there, t.Name(), "bob", "--no-embedded-tracker", "--log-level", "debug")
	began := time.Now()
	bob.shows("from anna", anna.share("from anna"))
	t.Logf("bob reads anna's file %v after he mounted", time.Since(began))
	randomFile(t, bob.share("from bob"), 200_000)
	anna.shows("from bob", bob.share("from bob"))
}

// TestTwoMachines has members on two machines find each other: through the
// tracker that is embedded in one, also by IPv6, and by --peer. Transmission on the second
// machine fetches from the first.
func TestTwoMachines(t *testing.T) {
	t.Parallel()
	needMount(t)
	here, there := swarmtest.NewNetns(t), swarmtest.NewNetns(t)
	first, second := netip.MustParsePrefix("10.77.0.1/24"), netip.MustParsePrefix("10.77.0.2/24")
	swarmtest.Join(t, here, there, first, second)
	tracker, dial := fmt.Sprintf("udp://%v:%d", first.Addr(), trackers.Port), first.Addr().String()+":6881"

	here.Run(t, "ip", "address", "add", "fd77::1/64", "dev", "cable", "nodad")
	there.Run(t, "ip", "address", "add", "fd77::2/64", "dev", "cable", "nodad")
	anna := startMachine(t, here, t.Name(), "anna", "--no-lsd")
	if said := anna.process.Log(); !strings.Contains(said, "(embedded)") {
		t.Errorf("anna has no tracker: %s", said)
	}
	randomFile(t, anna.share("dir/film.bin"), 3_000_001)
	randomFile(t, anna.share("note.txt"), 100)

	// Transmission is slow to begin: the rest is done meanwhile.
	var leechers []*swarmtest.Client
	link := anna.magnet("dir/film.bin", swarmtest.V1)
	if m, err := metainfo.ParseMagnet(link); err != nil || !slices.Equal(m.Trackers, []string{tracker}) || !slices.Equal(m.Peers, []string{dial}) {
		t.Errorf("%s: want %s and %s, as others reach them", link, tracker, dial)
	}
	for i, what := range []string{link, anna.export("dir/film.bin", swarmtest.V1)} {
		addr := netip.AddrPortFrom(second.Addr(), uint16(51000+10*i))
		leechers = append(leechers, swarmtest.TransmissionLeech(t, swarmtest.Run{Torrent: what, Addr: addr, Under: there.Enter()}))
	}

	t.Run("tracker", func(t *testing.T) {
		bob := startMachine(t, there, anna.drive, "bob", "--tracker", tracker)
		bob.shows("", anna.share(""))
		randomFile(t, bob.share("from bob"), 200_000)
		anna.shows("from bob", bob.share("from bob"))
	})
	t.Run("tracker by IPv6", func(t *testing.T) {
		dave := startMachine(t, there, anna.drive, "dave", "--tracker", "udp://[fd77::1]:6969")
		dave.shows("note.txt", anna.share("note.txt"))
	})
	t.Run("peer", func(t *testing.T) {
		carl := startMachine(t, there, anna.drive, "carl", "--no-embedded-tracker", "--peer", dial)
		carl.shows("dir", anna.share("dir"))
		carl.shows("note.txt", anna.share("note.txt"))
	})
	t.Run("transmission", func(t *testing.T) {
		for _, c := range leechers {
			c.WaitWhole(t, clientPatience)
			if got, want := sumOf(t, filepath.Join(c.Dir, "film.bin")), sumOf(t, anna.share("dir/film.bin")); got != want {
				t.Errorf("got SHA-256 %x, want %x", got, want)
			}
		}
	})
}
