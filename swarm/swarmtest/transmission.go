package swarmtest

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TransmissionSeed starts Transmission's daemon with one torrent and waits
// until it has checked the payload. It reaches its tracker some 10 s later.
// It cannot do v2 and hybrid torrents (3.00).
func TransmissionSeed(t testing.TB, run Run) *Client {
	t.Helper()
	c := transmission(t, run)
	c.WaitWhole(t, 30*time.Second)
	return c
}

// TransmissionLeech starts Transmission's daemon with one torrent. It dials
// no peer in 127.0.0.0/8: the other side must dial it. Allow it 40 s.
func TransmissionLeech(t testing.TB, run Run) *Client {
	t.Helper()
	return transmission(t, run)
}

func transmission(t testing.TB, run Run) *Client {
	t.Helper()
	Need(t, "transmission-daemon", "transmission-remote")
	run.prepare(t, 2)
	home, host := scratch(t), run.Addr.Addr().String()
	write(t, filepath.Join(home, "settings.json"), fmt.Appendf(nil,
		`{"bind-address-ipv4":%q,"bind-address-ipv6":"::1","pex-enabled":false,"preallocation":0,"rpc-whitelist":"127.*.*.*,%[1]s"}`, host))
	rpc := netip.AddrPortFrom(run.Addr.Addr(), run.Addr.Port()+1)
	args := []string{"-f", "-g", home, "-w", run.Dir, "-P", strconv.Itoa(int(run.Addr.Port())),
		"-p", strconv.Itoa(int(rpc.Port())), "-r", host, "-i", host, "-a", "127.*.*.*," + host,
		"-T", "-M", "-O", "--no-utp", "--no-lpd"}
	args = append(args, run.Args...)
	c := &Client{Process: run.start(t, home, "transmission-daemon", args...), Addr: run.Addr, Dir: run.Dir}
	remote := func(args ...string) (string, error) {
		name, args := under(run.Under, "transmission-remote", append([]string{rpc.String()}, args...))
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "HOME="+home)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	c.until(t, "given its torrent", 10*time.Second, func() bool {
		_, err := remote("-a", run.Torrent)
		return err == nil
	})
	c.whole = func() bool {
		out, err := remote("-t", "1", "-i")
		return err == nil && strings.Contains(out, "Percent Done: 100%")
	}
	return c
}
