//go:build linux

package fs

import "testing"

func TestGraveSignals(t *testing.T) {
	const (
		intr, kill, alrm, chld, term, urg = 1 << 1, 1 << 8, 1 << 13, 1 << 16, 1 << 14, 1 << 22
		rt                                = 1 << 33
		all                               = ^uint64(0)
	)
	tests := []struct {
		s     signals
		due   uint64
		grave bool
	}{
		{signals{}, 0, false},
		{signals{pending: urg, caught: urg}, urg, false},
		{signals{pending: urg | alrm | chld | rt, caught: all}, urg | alrm | chld | rt, false},
		{signals{pending: alrm, caught: urg}, alrm, true}, // not caught: it kills
		{signals{pending: intr, caught: all}, intr, true},
		{signals{pending: intr | urg, caught: all}, intr | urg, true},
		{signals{pending: intr | urg, blocked: intr, caught: all}, urg, false},
		{signals{pending: intr, blocked: intr}, 0, false},
		{signals{pending: kill, caught: all}, kill, true},
		{signals{pending: term}, term, true},
	}
	for _, tt := range tests {
		if due, grave := tt.s.due(), tt.s.grave(); due != tt.due || grave != tt.grave {
			t.Errorf("%+v: due %x, grave %v, want %x, %v", tt.s, due, grave, tt.due, tt.grave)
		}
	}
}

func TestParseSignals(t *testing.T) {
	const status = "Name:\tcat\nSigQ:\t0/95\nSigPnd:\t0000000000000002\nShdPnd:\t0000000000004000\n" +
		"SigBlk:\t0000000000010000\nSigIgn:\t0000000000000004\nSigCgt:\t00000001800044ff\nCapInh:\t0\n"
	got, err := parseSignals(status)
	want := signals{pending: 0x4002, blocked: 0x10000, caught: 0x1800044ff}
	if got != want || err != nil {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	if _, err := parseSignals("SigPnd:\tzz\n"); err == nil {
		t.Error("no error for a bad mask")
	}
	if _, err := signalsOf(1 << 30); err == nil {
		t.Error("no error for a thread that does not exist")
	}
}
