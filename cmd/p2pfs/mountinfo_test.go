//go:build linux

package main

import "testing"

func TestFindMountPoint(t *testing.T) {
	const table = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /mnt/swarm rw,nosuid,nodev shared:5 master:2 - fuse.p2pfs p2pfs rw,user_id=0
31 22 0:27 / /mnt/with\040space\134 rw - fuse.p2pfs p2pfs rw
32 22 0:28 / /twice rw - fuse.p2pfs p2pfs rw
33 22 0:29 / /twice rw - tmpfs tmpfs rw
34 22 0:30 / /no/separator rw fuse.p2pfs
short
`
	for path, want := range map[string]string{
		"/": "ext4", "/mnt/swarm": mountType, `/mnt/with space\`: mountType, "/twice": "tmpfs",
		"/no/separator": "", "/mnt": "", "": "", "/mnt/swarm/": "",
	} {
		if got, ok := findMountPoint(table, path); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t; want %q", path, got, ok, want)
		}
	}
}

func TestMountedAt(t *testing.T) {
	if fstype, ok := mountedAt("/proc"); !ok || fstype != "proc" {
		t.Errorf("/proc: got %q, %t; want proc", fstype, ok)
	}
}

func TestUnescapeOctal(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", `\040`: " ", `\`: `\`, `\04`: `\04`, `a\011b\012`: "a\tb\n", `\999\040`: `\999 `} {
		if got := unescapeOctal(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
