package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	for _, text := range []string{"one", "", "two"} {
		if err := WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != text || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, text)
		}
	}
	if err := CreateFile(path, []byte("three"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want fs.ErrExist", err)
	}
	if err := CreateFile(filepath.Join(dir, "y"), []byte("y"), 0o600); err != nil {
		t.Error(err)
	}
	if err := WriteFile(filepath.Join(dir, "none", "z"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "d"), nil, 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestLater(t *testing.T) {
	dir := t.TempDir()
	l := NewLater(slog.New(slog.DiscardHandler))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 300 {
				l.Put(filepath.Join(dir, fmt.Sprint(w, "-", i%50)), func() ([]byte, error) { return fmt.Append(nil, i), nil })
			}
		})
	}
	l.Put(filepath.Join(dir, "none", "x"), func() ([]byte, error) { return nil, nil })
	wg.Wait()
	l.Close()
	l.Put(filepath.Join(dir, "after"), func() ([]byte, error) { return []byte("all"), nil })
	l.Close()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 201 {
		t.Fatalf("%d files, %v; want 201", len(entries), err)
	}
	for w := range 4 {
		if got, _ := os.ReadFile(filepath.Join(dir, fmt.Sprint(w, "-", 7))); string(got) != "257" {
			t.Errorf("got %q, want what was put last", got)
		}
	}
}

func TestBlank(t *testing.T) {
	for text, want := range map[string]bool{"": true, "\x00\x00": true, "\n": false, "x": false} {
		if Blank([]byte(text)) != want {
			t.Errorf("%q: not %v", text, want)
		}
	}
}
