package state

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBlankMark begins on what a power cut soon after the first start left: a
// mark of nothing is none.
func TestBlankMark(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "zeros": "\x00\x00\x00\x00"} {
		dir := t.TempDir()
		path := filepath.Join(dir, stateFormatName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := mark(dir); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, _ := os.ReadFile(path); string(got) != "p2pfs state 1\n" {
			t.Errorf("%s: the mark is %q", name, got)
		}
	}
}
