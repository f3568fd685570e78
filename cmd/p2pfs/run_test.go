package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
)

// result is what a run of p2pfs gave.
type result struct {
	status         int
	stdout, stderr string
}

// runArgs runs p2pfs with these arguments and no input.
func runArgs(t testing.TB, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), args, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

// want fails the test unless r has that status, and that text in its output:
// on stdout when it is done, on stderr when not.
func (r result) want(t testing.TB, status int, text string) {
	t.Helper()
	out := r.stdout
	if status != cli.ExitDone {
		out = r.stderr
	}
	if r.status != status || !strings.Contains(out, text) {
		t.Fatalf("got status %d, stdout %q, stderr %q; want status %d and %q", r.status, r.stdout, r.stderr, status, text)
	}
	lines := strings.Count(r.stderr, "\n")
	switch {
	case status == cli.ExitDone:
	case !strings.HasPrefix(r.stderr, "p2pfs: "):
		t.Errorf("stderr %q does not begin with p2pfs: ", r.stderr)
	case status == cli.ExitFailed && lines != 1:
		t.Errorf("stderr has %d lines, want one: %q", lines, r.stderr)
	case status == cli.ExitUsage && (lines != 2 || !strings.Contains(r.stderr, `Try "p2pfs`)):
		t.Errorf("stderr %q, want one line and a hint", r.stderr)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}, {"help", "--help"}, {"help", "-h"}, {"help", "help"}} {
		r := runArgs(t, args...)
		r.want(t, cli.ExitDone, "Usage: p2pfs COMMAND")
		for _, cmd := range p2pfs().Commands() {
			if !strings.Contains(r.stdout, "  "+cmd.Name+" ") || !strings.Contains(r.stdout, cmd.Summary) {
				t.Errorf("p2pfs %s does not list %s", args[0], cmd.Name)
			}
		}
		if r.stderr != "" {
			t.Errorf("p2pfs %s: stderr %q, want none", args[0], r.stderr)
		}
	}
}

func TestCommandHelp(t *testing.T) {
	for _, cmd := range p2pfs().Commands() {
		t.Run(cmd.Name, func(t *testing.T) {
			long := runArgs(t, cmd.Name, "--help")
			long.want(t, cli.ExitDone, "Usage: p2pfs "+cmd.Name)
			if strings.HasSuffix(cmd.Summary, ".") || len(cmd.Summary) > 68 {
				t.Errorf("summary %q: want at most 68 bytes and no full stop", cmd.Summary)
			}
			for line := range strings.Lines(long.stdout) {
				if len(line) > 81 {
					t.Errorf("line of %d columns: %q", len(line), line)
				}
			}
			for _, args := range [][]string{{cmd.Name, "-h"}, {"help", cmd.Name}, {cmd.Name, "an", "argument", "--help"}} {
				if r := runArgs(t, args...); r != long {
					t.Errorf("p2pfs %s: got %+v, want what --help gives", strings.Join(args, " "), r)
				}
			}
		})
	}
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{nil, "no command given"},
		{[]string{"fly"}, "unknown command fly"},
		{[]string{"fl\x1b[31my"}, `unknown command "fl\x1b[31my"`},
		{[]string{""}, `unknown command ""`},
		{[]string{"--verbose", "version"}, "unknown flag --verbose"},
		{[]string{"help", "fly"}, "unknown command fly"},
		{[]string{"help", "version", "show"}, "too many arguments"},
		{[]string{"version", "now"}, "version: takes no arguments, got now"},
		{[]string{"version", "--fast"}, "version: unknown flag: --fast"},
		{[]string{"version", "-x"}, "version: unknown shorthand flag"},
	}
	for _, tt := range tests {
		r := runArgs(t, tt.args...)
		r.want(t, cli.ExitUsage, tt.want)
		if r.stdout != "" {
			t.Errorf("%q: stdout %q, want none", tt.args, r.stdout)
		}
	}
}

// TestEveryCommandRefuses calls each subcommand with a flag it does not have,
// and with more arguments than it takes.
func TestEveryCommandRefuses(t *testing.T) {
	for _, cmd := range p2pfs().Commands() {
		runArgs(t, cmd.Name, "--no-such-flag").want(t, cli.ExitUsage, "no-such-flag")
		if cmd.Min > 0 {
			runArgs(t, cmd.Name).want(t, cli.ExitUsage, cmd.Name+": missing argument, want "+cmd.Args)
			empty := append([]string{cmd.Name}, make([]string, cmd.Min)...)
			runArgs(t, empty...).want(t, cli.ExitUsage, cmd.Name+": empty argument")
		}
		if cmd.Max >= 0 {
			many := append([]string{cmd.Name}, strings.Fields(strings.Repeat("x ", cmd.Max+1))...)
			runArgs(t, many...).want(t, cli.ExitUsage, cmd.Name+": t") // too many, takes no
		}
	}
}

// brokenWriter is a full disk.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputLost(t *testing.T) {
	for _, arg := range []string{"version", "help"} {
		var stderr bytes.Buffer
		status := run(context.Background(), []string{arg}, brokenWriter{}, &stderr)
		if status != cli.ExitFailed || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%s: got status %d and %q, want %d and the cause", arg, status, stderr.String(), cli.ExitFailed)
		}
	}
}

// quiet is a log that nobody reads.
var quiet = slog.New(slog.DiscardHandler)
