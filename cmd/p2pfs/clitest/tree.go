// Package clitest has what tests of the command's packages share.
package clitest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tree makes directories (names that end in /) and links ("name -> target")
// below a temporary directory, and returns its real path.
func Tree(t testing.TB, entries ...string) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, target, link := strings.Cut(e, " -> ")
		if link {
			err = os.Symlink(target, filepath.Join(top, name))
		} else {
			err = os.MkdirAll(filepath.Join(top, name), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return top
}
