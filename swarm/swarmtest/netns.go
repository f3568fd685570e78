package swarmtest

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"
)

// Netns is a network namespace: a machine of its own as far as addresses and
// ports go. It lives as long as the process that was started in it, which ends
// with the test, so none can be left behind.
type Netns struct{ holder *Process }

// NewNetns makes a namespace in which only loopback is up. Without root it skips
// the test, or fails it where CI is set.
func NewNetns(t testing.TB) *Netns {
	t.Helper()
	Need(t, "unshare", "nsenter", "ip")
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("network namespaces need root, and CI is set")
		}
		t.Skip("LEFT OUT: network namespaces need root")
	}
	n := &Netns{Start(t, "", "unshare", "--net", "sleep", "infinity")}
	n.holder.until(t, "in a namespace of its own", 10*time.Second, func() bool {
		ours, err1 := os.Readlink("/proc/self/ns/net")
		theirs, err2 := os.Readlink(n.path())
		return err1 == nil && err2 == nil && ours != theirs
	})
	n.Run(t, "ip", "link", "set", "lo", "up")
	return n
}

func (n *Netns) path() string { return fmt.Sprintf("/proc/%d/ns/net", n.holder.Pid()) }

// Enter is the command that runs another one in the namespace, for Run.Under.
// Mounts that are made there are seen by all.
func (n *Netns) Enter() []string { return []string{"nsenter", "--net=" + n.path()} }

// Start is Start in the namespace.
func (n *Netns) Start(t testing.TB, name string, args ...string) *Process {
	t.Helper()
	name, args = under(n.Enter(), name, args)
	return Start(t, "", name, args...)
}

// Run runs a command in the namespace to its end, which must be a good one.
func (n *Netns) Run(t testing.TB, name string, args ...string) {
	t.Helper()
	p := n.Start(t, name, args...)
	if err := p.Wait(30 * time.Second); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, p.Log())
	}
}

// Join joins two namespaces by a cable, and gives each end an address.
func Join(t testing.TB, a, b *Netns, atA, atB netip.Prefix) {
	t.Helper()
	a.Run(t, "ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", fmt.Sprint(b.holder.Pid()))
	for n, at := range map[*Netns]netip.Prefix{a: atA, b: atB} {
		n.Run(t, "ip", "address", "add", at.String(), "dev", "cable")
		n.Run(t, "ip", "link", "set", "cable", "up")
	}
}

// under puts a command in front of another one.
func under(prefix []string, name string, args []string) (string, []string) {
	if len(prefix) == 0 {
		return name, args
	}
	all := append(append(append([]string(nil), prefix...), name), args...)
	return all[0], all[1:]
}
