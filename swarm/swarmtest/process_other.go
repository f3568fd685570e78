//go:build !linux

package swarmtest

import (
	"os"
	"syscall"
	"time"
)

// ownGroup and killGroup know no process groups here: the clients are run on
// Linux.
func ownGroup() *syscall.SysProcAttr { return nil }

func killGroup(p *os.Process) { _ = p.Kill() }

func cpuOf(int) time.Duration { return 0 }

// Anonymous is 0: it is known on Linux only.
func Anonymous(int) int64 { return 0 }
