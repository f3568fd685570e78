//go:build linux

package fs

import (
	"reflect"
	"strings"
	"testing"
)

func TestScanMounts(t *testing.T) {
	const table = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
36 22 0:33 / /mnt/with\040space\134 ro,nosuid shared:2 master:3 propagate_from:4 - fuse.p2pfs p2pfs ro,user_id=0
37 22 0:34 / /mnt/none rw - tmpfs tmpfs rw
short line
38 22 x:y / /bad rw - tmpfs tmpfs rw
39 22 0:35 / /end rw shared:7
`
	var got []mounted
	if err := scanMounts(strings.NewReader(table), func(m mounted) { got = append(got, m) }); err != nil {
		t.Fatal(err)
	}
	want := []mounted{{0, "/", "ext4"}, {33, `/mnt/with space\`, "fuse.p2pfs"}, {34, "/mnt/none", "tmpfs"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain": "plain", `a\040b`: "a b", `\011\012\134`: "\t\n\\",
		`end\`: `end\`, `end\04`: `end\04`, `\999`: `\999`, `\303\274`: "ü",
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestUserAllowOther(t *testing.T) {
	for conf, want := range map[string]bool{
		"": false, "# user_allow_other\n": false, "mount_max = 1000\nuser_allow_other\n": true,
		"  user_allow_other": true, "user_allow_others\n": false,
	} {
		if got := userAllowOther(conf); got != want {
			t.Errorf("userAllowOther(%q) = %v", conf, got)
		}
	}
}

// What is missing is said with the package that has it.
func TestInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := installed(); err == nil || !strings.Contains(err.Error(), "apt-get install fuse3") {
		t.Errorf("without fusermount3: %v", err)
	}
	if m, err := Mount(Config{Dir: t.TempDir(), Tree: newMem()}); err == nil {
		m.Close()
		t.Error("mounted without fusermount3")
	}
}

func TestGraveSignals(t *testing.T) {
	const (
		intr, kill, alrm, chld, term, urg = 1 << 1, 1 << 8, 1 << 13, 1 << 16, 1 << 14, 1 << 22
		rt                                = 1 << 33
		all                               = ^uint64(0)
	)
	tests := []struct {
		s     signals
		due   uint64
		grave bool
	}{
		{signals{}, 0, false},
		{signals{pending: urg, caught: urg}, urg, false},
		{signals{pending: urg | alrm | chld | rt, caught: all}, urg | alrm | chld | rt, false},
		{signals{pending: alrm, caught: urg}, alrm, true}, // not caught: it kills
		{signals{pending: intr, caught: all}, intr, true},
		{signals{pending: intr | urg, caught: all}, intr | urg, true},
		{signals{pending: intr | urg, blocked: intr, caught: all}, urg, false},
		{signals{pending: intr, blocked: intr}, 0, false},
		{signals{pending: kill, caught: all}, kill, true},
		{signals{pending: term}, term, true},
	}
	for _, tt := range tests {
		if due, grave := tt.s.due(), tt.s.grave(); due != tt.due || grave != tt.grave {
			t.Errorf("%+v: due %x, grave %v, want %x, %v", tt.s, due, grave, tt.due, tt.grave)
		}
	}
}

func TestParseSignals(t *testing.T) {
	const status = "Name:\tcat\nSigQ:\t0/95\nSigPnd:\t0000000000000002\nShdPnd:\t0000000000004000\n" +
		"SigBlk:\t0000000000010000\nSigIgn:\t0000000000000004\nSigCgt:\t00000001800044ff\nCapInh:\t0\n"
	got, err := parseSignals(status)
	want := signals{pending: 0x4002, blocked: 0x10000, caught: 0x1800044ff}
	if got != want || err != nil {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if _, err := parseSignals("SigPnd:\tzz\n"); err == nil {
		t.Error("no error for a bad mask")
	}
	if _, err := signalsOf(1 << 30); err == nil {
		t.Error("no error for a thread that does not exist")
	}
}
