package guard

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestDo(t *testing.T) {
	var buf bytes.Buffer
	g := New(slog.New(slog.NewTextHandler(&buf, nil)))
	ran := false
	if err := g.Do(func() { ran = true }); err != nil || !ran || g.Caught() != 0 {
		t.Errorf("Do of what does not panic: %v, ran %v, caught %d", err, ran, g.Caught())
	}
	err := g.Do(func() { panic(Planted("a test's")) })
	if !errors.Is(err, ErrPanic) || !strings.Contains(err.Error(), "a test's") {
		t.Errorf("Do of what panics: %v", err)
	}
	if g.Caught() != 1 {
		t.Errorf("caught %d, want 1", g.Caught())
	}
	if s := buf.String(); !strings.Contains(s, "level=ERROR") || !strings.Contains(s, "guard_test.go") {
		t.Errorf("log without error level or stack: %s", s)
	}
}

func TestNil(t *testing.T) {
	var g *Guard
	if err := g.Do(func() { panic(Planted("a test's")) }); !errors.Is(err, ErrPanic) {
		t.Errorf("nil Guard: %v", err)
	}
	if g.Caught() != 0 {
		t.Errorf("nil Guard caught %d", g.Caught())
	}
}

func TestTotal(t *testing.T) {
	before := Total()
	New(nil).Do(func() { panic(Planted("a test's")) })
	if Total() != before {
		t.Error("a planted panic was counted in Total")
	}
	New(nil).Do(func() { panic("real") })
	if Total() != before+1 {
		t.Errorf("Total went from %d to %d, want 1 more", before, Total())
	}
}
