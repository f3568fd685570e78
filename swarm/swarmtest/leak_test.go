package swarmtest

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestLeaksAreFound(t *testing.T) {
	g, f := goroutines(), openFiles()
	if left := leaks(g, f); len(left) != 0 {
		t.Fatalf("nothing was started, but %q is left", left)
	}
	stop, file := make(chan bool), tempFile(t)
	go func() { <-stop }()
	left := leaks(g, f)
	if len(left) != 2 || !strings.Contains(strings.Join(left, " "), file.Name()) {
		t.Errorf("got %q, want a goroutine and a file", left)
	}
	close(stop)
	file.Close()
	if !poll(5*time.Second, func() bool { return len(leaks(g, f)) == 0 }) {
		t.Fatalf("all has ended, but %q is left", leaks(g, f))
	}
}

func tempFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "leak")
	if err != nil {
		t.Fatal(err)
	}
	return f
}
