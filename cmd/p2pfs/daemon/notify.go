//go:build linux

package daemon

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// Supervisor is the systemd that started this process, as sd_notify(3) and
// sd_watchdog_enabled(3) have it. The zero value is none.
type Supervisor struct {
	Socket string        // a path, or behind '@' an abstract name
	Every  time.Duration // half the time after which silence is a failure; 0: no watchdog
	Send   func(state string) error
}

// FindSupervisor reads the environment.
func FindSupervisor() Supervisor {
	s := Supervisor{Socket: os.Getenv("NOTIFY_SOCKET")}
	s.Send = s.dial
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		s.Every = time.Duration(usec) * time.Microsecond / 2
	}
	return s
}

// Tell sends a state such as "READY=1"; without a supervisor it does nothing.
func (s Supervisor) Tell(state string) error {
	if s.Socket == "" {
		return nil
	}
	return s.Send(state)
}

func (s Supervisor) dial(state string) error {
	// The net package takes '@' for the zero byte of an abstract name.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.Socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

// Watch tells the supervisor every so often that all is well, until ctx ends.
// healthy is asked each time, and given that long; while an answer is awaited,
// or is an error, nothing is told.
func (s Supervisor) Watch(ctx context.Context, healthy func(context.Context) error, log *slog.Logger) {
	if s.Socket == "" || s.Every <= 0 {
		return
	}
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	answer, asked, ill := make(chan error, 1), false, false
	for {
		if !asked {
			asked = true
			go func() {
				ctx, cancel := context.WithTimeout(ctx, s.Every)
				defer cancel()
				answer <- healthy(ctx)
			}()
		}
		select {
		case <-ctx.Done():
			return
		case err := <-answer:
			asked = false
			if err == nil {
				err = s.Tell("WATCHDOG=1")
			}
			if err != nil && ctx.Err() == nil && !ill {
				log.Warn("systemd's watchdog is not told that all is well", "err", err)
			}
			ill = err != nil
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}
