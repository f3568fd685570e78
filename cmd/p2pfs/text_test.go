package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"talk.mkv": "talk.mkv", "a b": `"a b"`, `say "hi"`: `"say \"hi\""`,
		"x (11111111)  10.0.0.7:6881": `"x (11111111)  10.0.0.7:6881"`, "a\u2066b": `"a\u2066b"`, "a\u061cb": `"a\u061cb"`, "a\x9bb": `"a\x9bb"`, "a\u009bb": `"a\u009bb"`, "ünï": "ünï", "日本": "日本", "": `""`,
		"a\nb": `"a\nb"`, "\x1b[2J": `"\x1b[2J"`, "a\u202eb": `"a\u202eb"`, "\xff": `"\xff"`, "a\u00a0b": `"a\u00a0b"`,
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\nb\n": "a; b", "a\r\nb": "a; b", "a\tb\x1b[1m": `a\tb\x1b[1m`, "x\xffy": `x\xffy`,
		"\u202e'": `\u202e'`, "\ufffd\n": "\ufffd", "é\x07": `é\a`,
	} {
		if got := oneLine(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestHumanSize(t *testing.T) {
	for in, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		300 << 20: "300.0 MiB", 5 << 40: "5.0 TiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := humanSize(in); got != want {
			t.Errorf("%d: got %q, want %q", in, got, want)
		}
	}
	if got := humanRate(-5); got != "0 B/s" {
		t.Errorf("got %q, want 0 B/s", got)
	}
}

func TestHumanDuration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 1499 * time.Millisecond: "1s", 59600 * time.Millisecond: "1m00s", 65 * time.Second: "1m05s",
		time.Hour: "1h00m", 25 * time.Hour: "1d01h", 1000 * time.Hour: "41d16h",
	} {
		if got := humanDuration(in); got != want {
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
		if got := percent(tt.done, tt.all); got != tt.want {
			t.Errorf("%d of %d: got %v, want %v", tt.done, tt.all, got, tt.want)
		}
	}
}

// What a name may hold is printed so that no terminal acts on it, in any form of
// output.
func TestNothingPrintedActsOnTerminals(t *testing.T) {
	for _, evil := range []string{"\x1b]0;x\x07", "a\u202eb", "\u2066", "\u061c", "\u009b31m", "\x7f", "\r", "\u200f", "\U000e0041"} {
		var asJSON bytes.Buffer
		if err := writeJSON(&asJSON, map[string]string{"name": evil}); err != nil {
			t.Fatal(err)
		}
		var back map[string]string
		if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil || back["name"] != evil {
			t.Errorf("%q in JSON reads %q, %v", evil, back["name"], err)
		}
		var log, line, shown bytes.Buffer
		newLog(&log, slog.LevelInfo).Info(evil, "name", evil, "err", errors.New(evil), evil, 1)
		p := &progress{w: &line}
		p.show(evil)
		if err := (facts{Name: evil, Comment: evil, Files: []fileFacts{{Path: evil, Symlink: evil}}}).write(&shown); err != nil {
			t.Fatal(err)
		}
		status := mountStatus{
			Drive: evil, Name: evil, Trackers: []trackerState{{URL: evil, Error: evil}}, Notices: []string{evil},
			Members: []memberStatus{{Name: evil}}, Torrents: []torrentState{{Name: evil, Error: evil}}, Waiting: []waitState{{Path: evil, Why: evil}},
		}
		for what, text := range map[string]string{
			"quoted": quoted(evil), "one line": oneLine(evil), "JSON": asJSON.String(), "log": log.String(), "progress": line.String(),
			"show": shown.String(), "status": status.String(),
		} {
			for _, r := range text {
				if r != '\n' && !strconv.IsPrint(r) {
					t.Errorf("%s of %q prints %q", what, evil, text)
					break
				}
			}
		}
	}
}

// A member cannot call himself so that his line of the status looks like another's.
func TestNamesForgeNoStatusLine(t *testing.T) {
	key := strings.Repeat("ab", 32)
	for _, name := range []string{"x (11111111)  10.0.0.7:6881", `x" (11111111)`, "a  b", " x"} {
		line := memberStatus{Name: name, Key: key, Connected: true, Addr: "10.9.9.9:1"}.String()
		want := strconv.Quote(name) + " (abababababababab)  10.9.9.9:1  "
		if !strings.HasPrefix(line, want) {
			t.Errorf("got %s, want %s...", line, want)
		}
	}
}
