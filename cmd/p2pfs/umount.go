//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/pause"
	"p2pfs/fs/mounting"
)

const (
	// unmountGrace is how long what is in use stays that no p2pfs answers for;
	// a running one has the same grace.
	unmountGrace = time.Second
	// windUp is how long a p2pfs may take to end that was asked to.
	windUp = 30 * time.Second
	// forcedWindUp is how long one may take whose mount was taken away by force.
	forcedWindUp = 3 * time.Second
)

func umountCommand() cli.Command {
	return cli.Command{
		Name:    "umount",
		Args:    "MOUNTPOINT",
		Summary: "take a mount away, also one whose p2pfs has died",
		Help: `The p2pfs that serves the mount fails the reads that wait, winds up and ends;
this command returns when it has. What is in use for one more second is
detached: it leaves the directory, and its open files give errors.`,
		Min: 1, Max: 1,
		Setup: func(flags *pflag.FlagSet) cli.Action {
			force := flags.Bool("force", false, "abort the mount's connection to the kernel first, and kill a p2pfs that does not end by itself in 3 seconds: for one that hangs")
			return func(ctx context.Context, c cli.Call) error {
				path, err := mounting.Resolve(c.Args[0])
				if err != nil {
					return err
				}
				take := takeAway
				if *force {
					take = takeAwayByForce
				}
				switch err := take(ctx, path); {
				case errors.Is(err, mounting.ErrNotMounted):
					return fmt.Errorf("%s: %w", human.Quoted(c.Args[0]), control.ErrNoMount)
				case err != nil:
					return fmt.Errorf("%s: %w", human.Quoted(c.Args[0]), err)
				}
				return nil
			}
		},
	}
}

// takeAway asks the p2pfs that serves the mount to end, and waits for that.
func takeAway(ctx context.Context, path string) error {
	if !mounting.Ours(path) {
		return mounting.ErrNotMounted
	}
	server := findServer(path)
	defer server.close()
	if server.dying() {
		return takeAwayByForce(ctx, path)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, windUp, fmt.Errorf("not within %v; --force takes it away", windUp))
	defer cancel()
	err := control.ErrNoMount
	if server.pid != 0 {
		err = control.AskMount(path, func(client *control.Client) error {
			return client.Stop(ctx)
		})
	}
	switch {
	case errors.Is(err, control.ErrNoMount): // dead, or another user's
		return detachAfterGrace(ctx, path)
	case err != nil:
		return err
	}
	return server.ended(ctx, path)
}

// detachAfterGrace takes away a mount whose p2pfs cannot be asked.
func detachAfterGrace(ctx context.Context, path string) error {
	for end := time.Now().Add(unmountGrace); ; {
		err := mounting.Unmount(path, false)
		if !errors.Is(err, mounting.ErrBusy) {
			return err
		}
		if time.Now().After(end) {
			return mounting.Unmount(path, true)
		}
		if pause.For(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return cli.ErrInterrupted
		}
	}
}

// takeAwayByForce needs nothing of the p2pfs that serves the mount.
func takeAwayByForce(ctx context.Context, path string) error {
	server := findServer(path)
	defer server.close()
	if err := mounting.Unmount(path, true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, forcedWindUp)
	defer cancel()
	if server.ended(ctx, path) == nil {
		return nil
	}
	return server.kill()
}

// findServer asks the kernel who listens: a stopped process need not answer.
func findServer(path string) servant {
	pid, fd := control.ServerOf(path)
	return servant{pid, fd}
}

// servant is the process that answers on the control socket of a mount; pid is
// 0 if none was found. It must be closed.
type servant struct{ pid, pidfd int }

func (s servant) close() {
	if s.pidfd >= 0 {
		unix.Close(s.pidfd)
	}
}

// ended waits until the mount and its process are gone.
func (s servant) ended(ctx context.Context, path string) error {
	for {
		if _, there, _ := mounting.At(path); !there && s.exited() {
			return nil
		}
		if pause.For(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("the running p2pfs did not end: %w", context.Cause(ctx))
		}
	}
}

// exited reports whether the process has ended; one that is not known has.
func (s servant) exited() bool {
	if s.pidfd < 0 {
		return true
	}
	n, _ := unix.Poll([]unix.PollFd{{Fd: int32(s.pidfd), Events: unix.POLLIN}}, 0)
	return n > 0
}

// dying reports whether the process was killed and cannot end: one of its
// threads tells the kernel of a change in a directory, and waits until a lookup
// in it is answered, which nobody does any more. Only when the connection is
// aborted do both go on.
func (s servant) dying() bool {
	if s.pidfd < 0 || s.exited() {
		return false
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		switch key, value, _ := strings.Cut(line, ":"); key {
		case "State":
			if value = strings.TrimSpace(value); value[0] == 'Z' || value[0] == 'X' {
				return true // the first thread has ended, others have not
			}
		case "SigPnd", "ShdPnd":
			mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err == nil && mask&(1<<(unix.SIGKILL-1)) != 0 {
				return true
			}
		}
	}
	return false
}

// buryDying takes away a mount whose p2pfs was killed and cannot end. A process
// that has just been killed gets a moment to end by itself.
func buryDying(ctx context.Context, dir string) error {
	path, err := mounting.Resolve(dir)
	if err != nil {
		return nil // others say so
	}
	server := findServer(path)
	defer server.close()
	for end := time.Now().Add(unmountGrace); server.dying(); pause.For(ctx, 10*time.Millisecond) {
		if time.Now().After(end) || ctx.Err() != nil {
			return takeAwayByForce(ctx, path)
		}
	}
	return nil
}

// kill ends the process and waits for that.
func (s servant) kill() error {
	if s.pidfd < 0 {
		return nil
	}
	if err := unix.PidfdSendSignal(s.pidfd, unix.SIGKILL, nil, 0); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("ending process %d: %w", s.pid, err)
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), windUp, fmt.Errorf("process %d: killed, and still there", s.pid))
	defer cancel()
	for !s.exited() {
		if pause.For(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
