//go:build linux

package state

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStateIsMarked also goes through a directory of the first version, which
// had no mark.
func TestStateIsMarked(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if text, err := os.ReadFile(filepath.Join(dir, stateFormatName)); err != nil || string(text) != "p2pfs state 1\n" {
			t.Errorf("%q, %v", text, err)
		}
	}
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "in use by another p2pfs") {
		t.Errorf("second: %v", err)
	}
}
