//go:build linux

package mounting

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	const table = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
36 22 0:33 / /mnt/with\040space\134 ro,nosuid shared:2 master:3 propagate_from:4 - fuse.p2pfs p2pfs ro,user_id=0
37 22 0:34 / /mnt/none rw - tmpfs tmpfs rw
short line
38 22 x:y / /bad rw - tmpfs tmpfs rw
39 22 0:35 / /end rw shared:7
`
	got, err := scan(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	want := []Mounted{{0, "/", "ext4"}, {33, `/mnt/with space\`, "fuse.p2pfs"}, {34, "/mnt/none", "tmpfs"}}
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
	if _, err := Prepare(t.TempDir(), false, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("prepared to mount without fusermount3")
	}
}
