//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"p2pfs/fs/mounting"
)

// child is p2pfs as a process of its own.
type child struct {
	*exec.Cmd
	stderr *lockedBuffer
	done   chan struct{} // closed when it has ended, and state may be read
}

// selfCommand returns p2pfs with these arguments, not yet started.
func selfCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// spawn starts the member as a process and waits until it has mounted.
// env is added to its environment.
func (m *mounted) spawn(env ...string) *child {
	m.t.Helper()
	c := m.launch(env...)
	within(m.t, patience, func() error {
		if !strings.Contains(c.stderr.String(), "p2pfs: drive ") {
			return fmt.Errorf("has not mounted: %s", c.stderr)
		}
		return nil
	})
	return c
}

// launch is spawn without waiting.
func (m *mounted) launch(env ...string) *child {
	m.t.Helper()
	c := &child{Cmd: selfCommand(append([]string{"mount"}, m.args()...)...), stderr: &lockedBuffer{}, done: make(chan struct{})}
	c.Env = append(c.Env, env...)
	c.Stderr = c.stderr
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() { defer close(c.done); c.Wait() }()
	m.t.Cleanup(func() {
		c.Process.Kill()
		<-c.done
		mounting.Unmount(m.mnt(), true)
	})
	return c
}

// ended reports whether the process has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// waitEnd waits for that and returns how.
func (c *child) waitEnd(t *testing.T) *os.ProcessState {
	t.Helper()
	within(t, patience, func() error {
		if !c.ended() {
			return errors.New("still runs")
		}
		return nil
	})
	return c.ProcessState
}

// notMounted fails the test if anything is mounted on the directory.
func notMounted(t *testing.T, dir string) {
	t.Helper()
	if at, ok, _ := mounting.At(dir); ok {
		t.Errorf("%s: %s is still mounted", dir, at.Type)
	}
}
