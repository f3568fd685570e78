package watch

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// raw builds what the kernel would write.
func raw(wd int32, mask uint32, name string) []byte {
	padded := (len(name) + 16) &^ 15
	if name == "" {
		padded = 0
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(wd))
	b = binary.NativeEndian.AppendUint32(b, mask)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(padded))
	b = append(b, name...)
	return append(b, make([]byte, padded-len(name))...)
}

func TestParseEvents(t *testing.T) {
	in := slices.Concat(
		raw(1, unix.IN_CREATE, "a"),
		raw(1, unix.IN_CLOSE_WRITE, "a"), // the same to us
		raw(1, unix.IN_MODIFY, "a"),
		raw(2, unix.IN_MOVED_FROM|unix.IN_ISDIR, "exactly sixteen!"),
		raw(2, unix.IN_DELETE_SELF, ""),
		raw(2, unix.IN_IGNORED, ""),
		raw(-1, unix.IN_Q_OVERFLOW, ""),
	)
	want := []Event{
		{1, Entry, "a"}, {1, Modified, "a"}, {2, Entry, "exactly sixteen!"},
		{2, Self, ""}, {2, Forgotten, ""}, {-1, Lost, ""},
	}
	if got := parseEvents(in); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for n := range in { // cut anywhere
		if got := parseEvents(in[:n]); len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("cut to %d bytes: got %+v", n, got)
		}
	}
}

// TestWatchGoesWithTheDirectory renames a watched directory and replaces it by
// a link: the watch stays with what was open.
func TestWatchGoesWithTheDirectory(t *testing.T) {
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	top := t.TempDir()
	a, b := filepath.Join(top, "a"), filepath.Join(top, "b")
	if err := os.Mkdir(a, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.Rename(a, b); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(top, a); err != nil {
		t.Fatal(err)
	}
	wd, err := w.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.Add(dir); err != nil || again != wd {
		t.Errorf("watched again: %d %v, want %d", again, err, wd)
	}
	if err := os.WriteFile(filepath.Join(b, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	limit := time.After(20 * time.Second)
	for seen := false; !seen; {
		select {
		case events := <-w.Events():
			for _, e := range events {
				seen = seen || e == Event{wd, Entry, "file"}
			}
		case <-limit:
			t.Fatal("no event")
		}
	}
	w.Remove(wd)
	w.Remove(wd) // has no effect
}
