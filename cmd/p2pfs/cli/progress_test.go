package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// screen is a terminal of one status line: it plays what is written to it.
type screen struct {
	above []string // lines that were ended
	line  []rune
	col   int
}

func (s *screen) Write(b []byte) (int, error) {
	text := strings.ReplaceAll(string(b), "\x1b[K", "\x00")
	for _, r := range text {
		switch r {
		case '\r':
			s.col = 0
		case '\x00':
			s.line = s.line[:s.col]
		case '\n':
			s.above = append(s.above, string(s.line))
			s.line, s.col = nil, 0
		default:
			s.line = append(s.line[:s.col], r)
			s.col++
		}
	}
	return len(b), nil
}

func TestProgressOnTerminal(t *testing.T) {
	var s screen
	p := &Progress{w: &s, width: func() int { return 11 }}
	p.show("one")
	p.show("a line that is too long")
	if got := string(s.line); got != "a line tha" {
		t.Errorf("got %q, want it cut below the width", got)
	}
	p.show("short")
	fmt.Fprintln(p, "level=INFO msg=x")
	if got := string(s.line); got != "short" || len(s.above) != 1 || s.above[0] != "level=INFO msg=x" {
		t.Errorf("got %q below %q, want the log line above the status", got, s.above)
	}
	p.end("done")
	fmt.Fprintln(p, "later")
	if got := strings.Join(s.above, "|"); got != "level=INFO msg=x|done|later" || len(s.line) > 0 {
		t.Errorf("got %q and %q, want the last line to stand", got, string(s.line))
	}
}

func TestProgressElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out)
		if p.Terminal() {
			t.Fatal("a buffer is taken for a terminal")
		}
		var mu sync.Mutex
		n := 0
		stop := p.Start(func() string {
			mu.Lock()
			defer mu.Unlock()
			n++
			return fmt.Sprintf("line %d", n/2)
		})
		time.Sleep(21 * time.Second) // at 5, 10, 15 and 20 s
		stop()
		stop()
		if got, want := out.String(), "line 0\nline 1\nline 2\n"; got != want {
			t.Errorf("got %q, want %q: no line twice, the last at the end", got, want)
		}
	})
}

func TestProgressRedraws(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		p := &Progress{w: &s, width: func() int { return 80 }}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		drawn := 0
		p.run(ctx, func() string {
			drawn++
			return time.Since(began).String()
		})
		if len(s.above) != 1 || s.above[0] != "2s" || drawn < 10 || drawn > 13 {
			t.Errorf("got %q after %d lines, want 2s after one each %v", s.above, drawn, redrawEvery)
		}
	})
}

// What a line may hold is shown so that no terminal acts on it.
func TestProgressActsOnNoTerminal(t *testing.T) {
	var out bytes.Buffer
	NewProgress(&out).show("\x1b]0;x\a\u202e")
	if got, want := out.String(), `\x1b]0;x\a\u202e`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	now := time.Unix(1e9, 0)
	if got := m.Rate(now, 1000); got != 0 {
		t.Errorf("first sample: got %d, want 0", got)
	}
	for i := range 100 {
		now = now.Add(200 * time.Millisecond)
		if got := m.Rate(now, 1000+int64(i+1)*200); got != 1000 {
			t.Fatalf("steady: got %d, want 1000", got)
		}
	}
	if n := len(m.samples); n > 30 {
		t.Errorf("%d samples kept for %v", n, meterWindow)
	}
	for range 26 {
		now = now.Add(200 * time.Millisecond)
		m.Rate(now, 21000)
	}
	if got := m.Rate(now, 21000); got != 0 {
		t.Errorf("stalled for longer than the window: got %d, want 0", got)
	}
	if got := m.Rate(now.Add(time.Second), 0); got != 0 {
		t.Errorf("count went back: got %d, want 0", got)
	}
}

func TestTransferLine(t *testing.T) {
	tests := []struct {
		t    Transfer
		want string
	}{
		{Transfer{Done: 512 << 10, All: 1 << 20, Rate: 1 << 10, Peers: 1}, " 50.0%  512.0 KiB of 1.0 MiB  1.0 KiB/s  1 peer  ETA 8m32s"},
		{Transfer{Done: 1 << 20, All: 1 << 20, Rate: 5, Peers: 2}, "100.0%  1.0 MiB of 1.0 MiB  5 B/s  2 peers"},
		{Transfer{Rate: 0, Peers: 0, Waiting: "waiting for metadata"}, "waiting for metadata  0 peers"},
		{Transfer{All: 1 << 62, Rate: 1, Peers: -1}, "  0.0%  0 B of 4.0 EiB  1 B/s"},
	}
	for _, tt := range tests {
		if got := tt.t.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
