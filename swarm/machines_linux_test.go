package swarm

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// asMachine is set in the environment of a test binary that is to be one of the
// two machines of TestTwoMachines: seed or leech.
const asMachine = "P2PFS_TEST_MACHINE"

// TestTwoMachines has a seeder and a leecher on two machines that only a cable
// connects, both listening on all interfaces, meet without any tracker.
func TestTwoMachines(t *testing.T) {
	if role := os.Getenv(asMachine); role != "" {
		machine(t, role)
		return
	}
	for _, tt := range []struct {
		name string
		six  []string // addresses of the two; none: IPv4
	}{
		{"IPv4", nil},
		{"IPv6", []string{"fd77::1/64", "fd77::2/64"}},
		{"IPv6 link-local", []string{"fe80::1/64", "fe80::2/64"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			machines := []*swarmtest.Netns{swarmtest.NewNetns(t), swarmtest.NewNetns(t)}
			four := []netip.Prefix{netip.MustParsePrefix("10.77.1.1/24"), netip.MustParsePrefix("10.77.1.2/24")}
			swarmtest.Join(t, machines[0], machines[1], four[0], four[1])
			for i, addr := range tt.six {
				machines[i].Run(t, "ip", "address", "flush", "dev", "cable")
				machines[i].Run(t, "ip", "address", "add", addr, "dev", "cable", "nodad")
			}
			as := func(n *swarmtest.Netns, role string) *swarmtest.Process {
				return n.Start(t, "env", asMachine+"="+role, os.Args[0], "-test.run=^TestTwoMachines$", "-test.v")
			}
			as(machines[0], "seed")
			leech := as(machines[1], "leech")
			if err := leech.Wait(time.Minute); err != nil || !strings.Contains(leech.Log(), "fetched from") {
				t.Errorf("%v\n%s", err, leech.Log())
			}
		})
	}
}

// machine is one of the two.
func machine(t *testing.T, role string) {
	payload := randomBytes(500_000)
	m, _ := torrents(t, payload, 64<<10)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := New(Config{Listen: ":0", LSD: true, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if role == "seed" {
		add(t, c, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
		<-time.After(2 * time.Minute) // it is ended before
		return
	}
	magnet := m.Magnet()
	tor := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Everything: true})
	if err := tor.Wait(soon(t)); err != nil {
		t.Fatalf("%v; %+v", err, tor.Stats())
	}
	check(t, tor, payload)
	from := make(chan string, maxTorrentPeers)
	tor.post(inspect(func(l *loop) {
		for _, r := range l.crowd.of {
			from <- fmt.Sprint(r.addr)
		}
	}))
	t.Logf("fetched from %s", <-from)
}
