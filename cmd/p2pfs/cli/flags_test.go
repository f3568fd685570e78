package cli

import (
	"log/slog"
	"math"
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1": 1, "16384": 16384, "64KiB": 65536, "64kib": 65536, "64K": 65536, "64 KiB": 65536,
		"500MB": 500e6, "500M": 500 << 20, "2GiB": 2 << 30, "1.5GiB": 3 << 29, "1TB": 1e12, "0.5kB": 500,
		"12B": 12, "0.3": 0, "9223372036854775807": math.MaxInt64, "8388607T": 8388607 << 40,
	}
	for in, want := range good {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "KiB", "-1", "+1", "1e3", "1/2", "0x10", "1 2", "1KiBs", "1.2.3", ".", "1_000", "٣",
		"9223372036854775808", "8388608T", "99999999999999999999TiB", strings.Repeat("9", 1000000)} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("%.50q: got %d, want an error", in, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for _, n := range []int64{0, 1, 1000, 1024, 65536, 500e6, 3 << 29, 2 << 30, 5 << 40, math.MaxInt64} {
		s := FormatSize(n)
		if got, err := parseSize(s); err != nil || got != n {
			t.Errorf("%d is formatted as %q, which reads as %d, %v", n, s, got, err)
		}
	}
	if got := FormatSize(2 << 30); got != "2GiB" {
		t.Errorf("got %q, want 2GiB", got)
	}
}

func TestParseRate(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "0/s": 0, "1KiB": 1024, "500KB/s": 500e3, "2MiB": 2 << 20} {
		if got, err := parseRate(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "/s", "1", "1023", "-1", "1MiB/h", "none"} {
		if got, err := parseRate(in); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
}

func TestParseLevel(t *testing.T) {
	for in, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "Warn": slog.LevelWarn, "error": slog.LevelError} {
		if got, err := parseLevel(in); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "loud", "info+1", "1"} {
		if got, err := parseLevel(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
		}
	}
}

func TestChoiceFlag(t *testing.T) {
	format := "v1"
	v := ChoiceFlag(&format, "format", "v1", "v2", "hybrid")
	if err := v.Set("hybrid"); err != nil || format != "hybrid" {
		t.Errorf("got %q, %v; want hybrid", format, err)
	}
	if err := v.Set("v3"); err == nil || err.Error() != "want v1 or v2 or hybrid" || format != "hybrid" {
		t.Errorf("got %q, %v; want hybrid as before and an error that lists the choices", format, err)
	}
}
