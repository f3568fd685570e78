package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"p2pfs/cmd/p2pfs/human"
)

const (
	redrawEvery = 200 * time.Millisecond // of the line on a terminal
	plainEvery  = 5 * time.Second        // between lines elsewhere
)

// Progress shows how far a command is: on a terminal as one line that is
// drawn again and again, elsewhere as a plain line every few seconds. What is
// written to it in between, such as log lines, goes above that line. It is
// safe for concurrent use.
type Progress struct {
	w     io.Writer
	width func() int // columns of the terminal; nil when w is none

	mu    sync.Mutex
	drawn string // what stands on the terminal's last line
	last  string // the last plain line
}

// NewProgress returns a progress on w, which is a terminal if it is a file
// that says so.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.width = func() int {
			columns, _, err := term.GetSize(int(f.Fd()))
			if err != nil || columns <= 0 {
				return 80
			}
			return columns
		}
	}
	return p
}

// NewProgressOn returns a progress that is drawn as NewProgress(w) is, and written
// through another writer.
func NewProgressOn(w, through io.Writer) *Progress {
	p := NewProgress(w)
	p.w = through
	return p
}

// Terminal reports whether the line is redrawn in place.
func (p *Progress) Terminal() bool { return p.width != nil }

// run shows what line returns until ctx ends, then shows it a last time and
// returns. The line is not empty and has no line break.
func (p *Progress) run(ctx context.Context, line func() string) {
	every := plainEvery
	if p.Terminal() {
		every = redrawEvery
		p.show(line())
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			p.end(line())
			return
		case <-tick.C:
			p.show(line())
		}
	}
}

// Start runs p in a goroutine. The function it returns shows the line a last
// time and returns when that is done; it may be called again without effect.
func (p *Progress) Start(line func() string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(ctx, line)
	}()
	return func() {
		cancel()
		<-done
	}
}

// show draws the line; where it cannot be redrawn, only if it has changed.
func (p *Progress) show(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line = human.OneLine(line)
	if !p.Terminal() {
		if line != p.last {
			fmt.Fprintln(p.w, line)
		}
		p.last = line
		return
	}
	// The last column stays free: some terminals wrap as soon as it is used.
	line = fit(line, p.width()-1)
	if line != p.drawn {
		fmt.Fprintf(p.w, "\r%s\x1b[K", line)
	}
	p.drawn = line
}

// end draws the line for the last time and leaves it standing. Where it cannot
// be redrawn and none was shown before, it was not worth one.
func (p *Progress) end(line string) {
	p.mu.Lock()
	quiet := !p.Terminal() && p.last == ""
	p.mu.Unlock()
	if quiet {
		return
	}
	p.show(line)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn != "" {
		fmt.Fprintln(p.w)
	}
	p.drawn = ""
}

// Write writes whole lines above the status line.
func (p *Progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn == "" {
		return p.w.Write(b)
	}
	if _, err := io.WriteString(p.w, "\r\x1b[K"); err != nil {
		return 0, err
	}
	n, err := p.w.Write(b)
	if err == nil && strings.HasSuffix(string(b), "\n") {
		_, err = io.WriteString(p.w, p.drawn)
	}
	return n, err
}

// fit cuts s to that many characters.
func fit(s string, columns int) string {
	columns = max(columns, 0)
	if utf8.RuneCountInString(s) <= columns {
		return s
	}
	return string([]rune(s)[:columns])
}

// Meter turns a growing count of bytes into a rate: the mean of the last
// window. It is not safe for concurrent use.
type Meter struct {
	samples []sample // oldest first
}

type sample struct {
	at    time.Time
	bytes int64
}

// meterWindow is long enough that the rate does not jump with every piece.
const meterWindow = 5 * time.Second

// Rate notes that bytes had been moved in all at that time, and returns bytes
// a second.
func (m *Meter) Rate(now time.Time, bytes int64) int64 {
	m.samples = append(m.samples, sample{now, bytes})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= meterWindow {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	elapsed := now.Sub(first.at)
	if elapsed <= 0 {
		return 0
	}
	return max(0, int64(math.Round(float64(bytes-first.bytes)/elapsed.Seconds())))
}

// Transfer is what the line of a download, an upload or a hash run shows.
type Transfer struct {
	Done, All int64  // bytes; all 0: not known yet
	Rate      int64  // bytes a second
	Peers     int    // < 0: none of this line's business
	Waiting   string // stands in place of the rate, if not empty
}

// maxETA is the longest time left, in seconds, that is worth telling.
const maxETA = 100 * 86400

// String returns the line: percent, bytes, rate, peers and what is left of
// the time at that rate.
func (t Transfer) String() string {
	var parts []string
	if t.All > 0 {
		parts = append(parts, fmt.Sprintf("%5.1f%%  %s of %s", human.Percent(t.Done, t.All), human.Size(t.Done), human.Size(t.All)))
	}
	if t.Waiting != "" {
		parts = append(parts, t.Waiting)
	} else {
		parts = append(parts, human.Rate(t.Rate))
	}
	if t.Peers >= 0 {
		parts = append(parts, human.Count(int64(t.Peers), "peer"))
	}
	if t.Done < t.All && t.Rate > 0 {
		if seconds := (t.All - t.Done) / t.Rate; seconds < maxETA {
			parts = append(parts, "ETA "+human.Duration(time.Duration(seconds)*time.Second))
		}
	}
	return strings.Join(parts, "  ")
}
