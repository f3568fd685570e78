package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
)

// Exit statuses of every subcommand.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one subcommand: what help tells about it, and what runs it.
type command struct {
	name    string
	args    string // the arguments as usage shows them
	summary string // one line, lower case, no full stop
	help    string // paragraphs behind the summary; may be empty
	// min and max bound the count of arguments; max < 0 is no bound.
	min, max int
	// setup declares the flags and returns what is run once they are parsed.
	setup func(*pflag.FlagSet) action
}

// action runs a subcommand. An error is reported by run as one line; a
// usageError as a fault of the caller. When ctx ends, the user interrupted.
type action func(ctx context.Context, c call) error

// call is what a subcommand gets besides its flags.
type call struct {
	args           []string
	raw            []string // args before flags were taken out
	stdout, stderr io.Writer
}

// usageError is a fault in the arguments: exit status 2 and a hint.
type usageError struct{ msg string }

func (e usageError) Error() string { return e.msg }

// usagef returns a usageError.
func usagef(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...)}
}

// errInterrupted is what a command returns that a signal kept from its end.
var errInterrupted = errors.New("interrupted")

// run is p2pfs without the process around it: it takes the arguments behind
// the program's name and returns the exit status. It blocks until the
// subcommand is done or has wound up after the end of ctx.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checkedWriter{w: stdout}
	name, err := dispatch(ctx, args, call{stdout: out, stderr: stderr})
	if err == nil {
		err = out.err // what was asked for did not reach the reader
	}
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, syscall.EPIPE) && errors.Is(out.err, syscall.EPIPE):
		return exitFailed // who read it has seen enough, as head does
	}
	fmt.Fprintf(stderr, "p2pfs: %s\n", oneLine(err.Error()))
	if errors.As(err, new(usageError)) {
		fmt.Fprintf(stderr, "Try \"%s --help\".\n", strings.TrimSpace("p2pfs "+name))
		return exitUsage
	}
	return exitFailed
}

// dispatch finds the subcommand and runs it. It returns the subcommand's
// name, "" if there was none.
func dispatch(ctx context.Context, args []string, c call) (string, error) {
	if len(args) == 0 {
		return "", usagef("no command given")
	}
	switch args[0] {
	case "--help", "-h":
		return "", help(c.stdout, args[1:])
	case "help":
		return "help", help(c.stdout, args[1:])
	case "--version":
		args = append([]string{"version"}, args[1:]...)
	}
	cmd, ok := find(args[0])
	switch {
	case ok:
		return cmd.name, cmd.run(ctx, args[1:], c)
	case strings.HasPrefix(args[0], "-"):
		return "", usagef("unknown flag %s; the command comes first", quoted(args[0]))
	default:
		return "", usagef("unknown command %s", quoted(args[0]))
	}
}

// find returns the subcommand of that name.
func find(name string) (command, bool) {
	for _, cmd := range append(commands(), helperCommand()) {
		if cmd.name == name {
			return cmd, true
		}
	}
	return command{}, false
}

// run parses the arguments behind the subcommand's name and runs it.
func (cmd command) run(ctx context.Context, args []string, c call) error {
	fs := pflag.NewFlagSet(cmd.name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	do := cmd.setup(fs)
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return cmd.printHelp(c.stdout, fs)
	case err != nil:
		return usagef("%s: %v", cmd.name, err)
	}
	c.args, c.raw = fs.Args(), args
	switch n := len(c.args); {
	case n < cmd.min:
		return usagef("%s: missing argument, want %s", cmd.name, cmd.args)
	case cmd.max == 0 && n > 0:
		return usagef("%s: takes no arguments, got %s", cmd.name, quoted(c.args[0]))
	case cmd.max > 0 && n > cmd.max:
		return usagef("%s: too many arguments, from %s on; want %s", cmd.name, quoted(c.args[cmd.max]), cmd.args)
	}
	for _, arg := range c.args {
		if arg == "" {
			return usagef("%s: empty argument, want %s", cmd.name, cmd.args)
		}
	}
	return do(ctx, c)
}

// checkedWriter remembers the first error of w, so that a full disk behind
// stdout is a failure of the command.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (w *checkedWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("writing output: %w", err)
	}
	return n, err
}
