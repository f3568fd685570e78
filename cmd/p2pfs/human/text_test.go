package human

import (
	"math"
	"testing"
	"time"
)

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"talk.mkv": "talk.mkv", "a b": `"a b"`, `say "hi"`: `"say \"hi\""`,
		"x (11111111)  10.0.0.7:6881": `"x (11111111)  10.0.0.7:6881"`, "a\u2066b": `"a\u2066b"`, "a\u061cb": `"a\u061cb"`, "a\x9bb": `"a\x9bb"`, "a\u009bb": `"a\u009bb"`, "ünï": "ünï", "日本": "日本", "": `""`,
		"a\nb": `"a\nb"`, "\x1b[2J": `"\x1b[2J"`, "a\u202eb": `"a\u202eb"`, "\xff": `"\xff"`, "a\u00a0b": `"a\u00a0b"`,
	} {
		if got := Quoted(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\nb\n": "a; b", "a\r\nb": "a; b", "a\tb\x1b[1m": `a\tb\x1b[1m`, "x\xffy": `x\xffy`,
		"\u202e'": `\u202e'`, "\ufffd\n": "\ufffd", "é\x07": `é\a`,
	} {
		if got := OneLine(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for in, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		300 << 20: "300.0 MiB", 5 << 40: "5.0 TiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := Size(in); got != want {
			t.Errorf("%d: got %q, want %q", in, got, want)
		}
	}
	if got := Rate(-5); got != "0 B/s" {
		t.Errorf("got %q, want 0 B/s", got)
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1499 * time.Millisecond: "1s", 59600 * time.Millisecond: "1m00s", 65 * time.Second: "1m05s",
		time.Hour: "1h00m", 25 * time.Hour: "1d01h", 1000 * time.Hour: "41d16h",
	} {
		if got := Duration(in); got != want {
			t.Errorf("%v: got %q, want %q", in, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	tests := []struct {
		done, all int64
		want      float64
	}{{0, 0, 100}, {0, 10, 0}, {-1, 10, 0}, {1, 3, 33.3}, {9999, 10000, 99.9}, {10, 10, 100}, {11, 10, 100}, {1<<60 - 1, 1 << 60, 99.9}}
	for _, tt := range tests {
		if got := Percent(tt.done, tt.all); got != tt.want {
			t.Errorf("%d of %d: got %v, want %v", tt.done, tt.all, got, tt.want)
		}
	}
}
