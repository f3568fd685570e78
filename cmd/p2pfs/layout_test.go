package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTopLevel holds the top of the tree to what belongs there.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") && !slices.Contains([]string{"LICENSE", "README.md", "cache", "cmd", "fs", "go.mod", "go.sum", "swarm"}, name) {
			t.Errorf("%s does not belong at the top", name)
		}
	}
}
