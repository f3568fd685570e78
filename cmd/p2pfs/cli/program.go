// Package cli is the command line of a program with subcommands: dispatch, help,
// flag values, and lines that tell how far a command is. It does not know what
// any subcommand does. Values are for one goroutine but where a type says
// otherwise.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/human"
)

// Exit statuses of every subcommand.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Command is one subcommand: what help tells about it, and what runs it.
type Command struct {
	Name    string
	Args    string // the arguments as usage shows them
	Summary string // one line, lower case, no full stop
	Help    string // paragraphs behind the summary; may be empty
	// Min and Max bound the count of arguments; max < 0 is no bound.
	Min, Max int
	// Setup declares the flags and returns what is run once they are parsed.
	Setup func(*pflag.FlagSet) Action
}

// Action runs a subcommand. An error is reported by Run as one line; a
// UsageError as a fault of the caller. When ctx ends, the user interrupted.
type Action func(ctx context.Context, c Call) error

// Call is what a subcommand gets besides its flags.
type Call struct {
	Args           []string
	Raw            []string // Args before flags were taken out
	Stdout, Stderr io.Writer
}

// UsageError is a fault in the arguments: exit status 2 and a hint.
type UsageError struct{ msg string }

func (e UsageError) Error() string { return e.msg }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error {
	return UsageError{fmt.Sprintf(format, args...)}
}

// ErrInterrupted is what a command returns that a signal kept from its end.
var ErrInterrupted = errors.New("interrupted")

// Program is all subcommands of one program.
type Program struct {
	Groups []Group   // as help lists them
	Hidden []Command // that it does not list
}

// Run is the program without the process around it: it takes the arguments
// behind the program's name and returns the exit status. It blocks until the
// subcommand is done or has wound up after the end of ctx.
func (p Program) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checkedWriter{w: stdout}
	name, err := p.dispatch(ctx, args, Call{Stdout: out, Stderr: stderr})
	if err == nil {
		err = out.err // what was asked for did not reach the reader
	}
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, syscall.EPIPE) && errors.Is(out.err, syscall.EPIPE):
		return ExitFailed // who read it has seen enough, as head does
	}
	fmt.Fprintf(stderr, "p2pfs: %s\n", human.OneLine(err.Error()))
	if errors.As(err, new(UsageError)) {
		fmt.Fprintf(stderr, "Try \"%s --help\".\n", strings.TrimSpace("p2pfs "+name))
		return ExitUsage
	}
	return ExitFailed
}

// dispatch finds the subcommand and runs it. It returns the subcommand's
// name, "" if there was none.
func (p Program) dispatch(ctx context.Context, args []string, c Call) (string, error) {
	if len(args) == 0 {
		return "", Usagef("no command given")
	}
	switch args[0] {
	case "--help", "-h":
		return "", p.help(c.Stdout, args[1:])
	case "help":
		return "help", p.help(c.Stdout, args[1:])
	case "--version":
		args = append([]string{"version"}, args[1:]...)
	}
	cmd, ok := p.Find(args[0])
	switch {
	case ok:
		return cmd.Name, cmd.Run(ctx, args[1:], c)
	case strings.HasPrefix(args[0], "-"):
		return "", Usagef("unknown flag %s; the command comes first", human.Quoted(args[0]))
	default:
		return "", Usagef("unknown command %s", human.Quoted(args[0]))
	}
}

// Find returns the subcommand of that name.
func (p Program) Find(name string) (Command, bool) {
	for _, cmd := range append(p.Commands(), p.Hidden...) {
		if cmd.Name == name {
			return cmd, true
		}
	}
	return Command{}, false
}

// Commands returns those that help lists.
func (p Program) Commands() (all []Command) {
	for _, g := range p.Groups {
		all = append(all, g.Commands...)
	}
	return all
}

// Run parses the arguments behind the subcommand's name and runs it.
func (cmd Command) Run(ctx context.Context, args []string, c Call) error {
	fs := pflag.NewFlagSet(cmd.Name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	do := cmd.Setup(fs)
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return cmd.printHelp(c.Stdout, fs)
	case err != nil:
		return Usagef("%s: %v", cmd.Name, err)
	}
	c.Args, c.Raw = fs.Args(), args
	switch n := len(c.Args); {
	case n < cmd.Min:
		return Usagef("%s: missing argument, want %s", cmd.Name, cmd.Args)
	case cmd.Max == 0 && n > 0:
		return Usagef("%s: takes no arguments, got %s", cmd.Name, human.Quoted(c.Args[0]))
	case cmd.Max > 0 && n > cmd.Max:
		return Usagef("%s: too many arguments, from %s on; want %s", cmd.Name, human.Quoted(c.Args[cmd.Max]), cmd.Args)
	}
	for _, arg := range c.Args {
		if arg == "" {
			return Usagef("%s: empty argument, want %s", cmd.Name, cmd.Args)
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
