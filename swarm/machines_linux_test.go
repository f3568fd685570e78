package swarm

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// machines is a shell script that makes two networks with a cable between them
// and runs the test in both: a seeder in one, a leecher in the other, whose
// status it returns. ADDRESS1 and ADDRESS2 are the addresses of the two.
const machines = `
ip link set lo up
ip link add p2pa type veth peer name p2pb
ip link set p2pa addrgenmode none
ip link set p2pb addrgenmode none
NEIGHBOUR=seed unshare -n sh -ec '
	until ip link set p2pb up 2>/dev/null; do sleep 0.02; done
	ip link set lo up
	ip addr add $ADDRESS2 dev p2pb
	exec "$@"' sh "$@" &
seeder=$!
until [ "$(readlink /proc/$seeder/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.02; done
ip link set p2pb netns $seeder
ip link set p2pa up
ip addr add $ADDRESS1 dev p2pa
status=0
NEIGHBOUR=leech "$@" || status=$?
kill $seeder
exit $status`

// TestTwoMachines has a seeder and a leecher on two machines that only a cable
// connects, both listening on all interfaces, meet without any tracker.
func TestTwoMachines(t *testing.T) {
	if role := os.Getenv("NEIGHBOUR"); role != "" {
		machine(t, role)
		return
	}
	swarmtest.Need(t, "unshare", "ip")
	alone := "-n"
	if os.Getuid() != 0 {
		alone = "-rn"
	}
	if out, err := exec.Command("unshare", alone, "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no network namespaces, and CI is set: %v: %s", err, out)
		}
		t.Skipf("LEFT OUT: no network namespaces: %v: %s", err, out)
	}
	for name, addrs := range map[string][2]string{
		"IPv4":            {"10.77.1.1/24", "10.77.1.2/24"},
		"IPv6":            {"fd77::1/64 nodad", "fd77::2/64 nodad"},
		"IPv6 link-local": {"fe80::1/64 nodad", "fe80::2/64 nodad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("unshare", alone, "sh", "-ec", machines, "sh", os.Args[0], "-test.run=^TestTwoMachines$", "-test.v")
			cmd.Env = append(os.Environ(), "ADDRESS1="+addrs[0], "ADDRESS2="+addrs[1])
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "fetched from") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// machine is one of the two.
func machine(t *testing.T, role string) {
	payload := randomBytes(500_000)
	m, _ := torrents(t, payload, 64<<10)
	c, err := New(Config{Listen: ":0", LSD: true, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("as", role)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if role == "seed" {
		add(t, c, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
		<-time.After(time.Minute) // it is killed before
		return
	}
	magnet := m.Magnet()
	tor := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Everything: true})
	if err := tor.Wait(soon(t)); err != nil {
		t.Fatalf("%v; %+v", err, tor.Stats())
	}
	check(t, tor, payload)
	from := make(chan string, 1)
	tor.post(inspect(func(l *loop) {
		for _, r := range l.remotes {
			from <- fmt.Sprint(r.addr)
		}
	}))
	t.Logf("fetched from %s", <-from)
}
