package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup wants it to be
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	// Once the first signal has ended ctx, signals have their own meaning
	// again: the second one ends the process at once.
	context.AfterFunc(ctx, stop)
	args := os.Args[1:]
	if isHelper(os.Args[0]) {
		if os.Getenv("PATH") == "" { // mount(8) hands on none, and fusermount3 is to be found
			os.Setenv("PATH", helperPath)
		}
		args = append([]string{helperNames[0]}, args...)
	}
	os.Exit(run(ctx, args, os.Stdout, os.Stderr))
}
