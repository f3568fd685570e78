package dirs

import (
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/clitest"
)

func TestXDG(t *testing.T) {
	t.Setenv("HOME", "/home/anna")
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("XDG_CACHE_HOME", "relative/is/ignored")
	for _, tt := range []struct {
		f    func() (string, error)
		want string
	}{
		{State, "/home/anna/.local/state/p2pfs"}, {Cache, "/home/anna/.cache/p2pfs"}, {Share, "/home/anna/p2pfs"},
	} {
		if got, err := tt.f(); err != nil || got != tt.want {
			t.Errorf("got %q, %v; want %q", got, err, tt.want)
		}
	}
	t.Setenv("XDG_STATE_HOME", "/var/state")
	if got, _ := State(); got != "/var/state/p2pfs" {
		t.Errorf("got %q, want /var/state/p2pfs", got)
	}
	if got, _ := OrDefault("/x", State); got != "/x" {
		t.Errorf("got %q, want /x", got)
	}
	if got, _ := OrDefault("", State); got != "/var/state/p2pfs" {
		t.Errorf("got %q, want the default", got)
	}
}

func TestRealPath(t *testing.T) {
	top := clitest.Tree(t, "a/b/", "up -> a/..", "link -> a/b", "dangling -> a/gone", "loop -> loop2", "loop2 -> loop")
	for in, want := range map[string]string{
		"a/b": "a/b", "link": "a/b", "link/new/er": "a/b/new/er", "up/a": "a", "gone": "gone", "dangling": "a/gone",
		"dangling/x": "a/gone/x", "a/../a/./b/": "a/b",
	} {
		got, err := Real(top + "/" + in)
		if err != nil || got != filepath.Join(top, want) {
			t.Errorf("%s: got %s, %v; want %s", in, got, err, filepath.Join(top, want))
		}
	}
	if got, err := Real(top + "/loop/x"); err == nil {
		t.Errorf("loop: got %s, want an error", got)
	}
	t.Chdir(top)
	if got, err := Real("link"); err != nil || got != filepath.Join(top, "a/b") {
		t.Errorf("relative: got %s, %v", got, err)
	}
	if got, err := Real("/"); err != nil || got != "/" {
		t.Errorf("/: got %s, %v", got, err)
	}
}

func TestCheckApart(t *testing.T) {
	top := clitest.Tree(t, "share/sub/", "share2/", "cache/", "mnt/", "link -> share/sub", "..dots/")
	tests := []struct {
		share, cache, mount string
		want                string // part of the error; "": none
	}{
		{"share", "cache", "mnt", ""},
		{"share", "share2", "mnt", ""}, // a name that begins alike
		{"share", "cache", "gone", ""},
		{"share", "..dots", "mnt", ""},
		{"share", "share", "mnt", "share directory and cache are the same directory"},
		{"share", "cache", "share/mnt", "lies inside share directory"},
		{"mnt/share", "cache", "mnt", "share directory"},
		{"share", "cache", "link", "mount point"},
		{"share", "link/deep/er", "mnt", "cache"},
		{"share", "cache", "share/sub/../../cache", "cache and mount point are the same"},
		{".", "cache", "mnt", "lies inside share directory"},
	}
	for _, tt := range tests {
		at := func(name string) string { return top + "/" + name }
		err := CheckApart(Dir{"share directory", at(tt.share)}, Dir{"cache", at(tt.cache)}, Dir{"mount point", at(tt.mount)})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: got %v, want none", tt, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: got %v, want %q in it", tt, err, tt.want)
		}
	}
}
