package swarmtest

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Mktorrent makes a v1 .torrent of a file or directory with mktorrent, pieces
// of 1<<log bytes, and returns its path.
func Mktorrent(t testing.TB, path string, log int, tracker string) string {
	t.Helper()
	Need(t, "mktorrent")
	out := filepath.Join(scratch(t), "x.torrent")
	args := []string{"-d", "-l", strconv.Itoa(log), "-o", out}
	if tracker != "" {
		args = append(args, "-a", tracker)
	}
	p := Start(t, "", "mktorrent", append(args, path)...)
	if err := p.Wait(30 * time.Second); err != nil {
		t.Fatalf("mktorrent %s: %v\n%s", path, err, p.Log())
	}
	return out
}
