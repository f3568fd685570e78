//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
)

// TestVersions gives mount what another version has written: it says so and
// changes nothing.
func TestVersions(t *testing.T) {
	for name, tt := range map[string]struct {
		path, text, want string
	}{
		"newer state": {"state/format", "p2pfs state 2\n", "format 2, this one knows 1"},
		"older state": {"state/format", "p2pfs state 0\n", "format 0, this one knows 1"},
		"foreign":     {"state/format", "ext4", "is not of p2pfs"},
		"newer cache": {"cache/format", "p2pfs cache 2\n", "another --cache"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
			path := filepath.Join(m.base, tt.path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			runArgs(t, append([]string{"mount"}, m.args()...)...).want(t, cli.ExitFailed, tt.want)
			if got, err := os.ReadFile(path); err != nil || string(got) != tt.text {
				t.Errorf("it was changed: %q, %v", got, err)
			}
			notMounted(t, m.mnt())
			if strings.HasPrefix(tt.path, "state") {
				magnet := "magnet:?xt=urn:btih:" + strings.Repeat("ab", 20)
				runArgs(t, "get", magnet, "-o", t.TempDir(), "--state", filepath.Dir(path), "--no-lsd", "--listen", m.addr).want(t, cli.ExitFailed, tt.want)
			}
		})
	}
}
