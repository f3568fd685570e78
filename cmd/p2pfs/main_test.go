package main

import (
	"os"
	"testing"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/guard/guardtest"
)

// asCommand is set in the environment of a test binary that is to be p2pfs.
const asCommand = "P2PFS_TEST_COMMAND"

// exitPanicked is the status of a p2pfs that caught a panic: tests expect others.
const exitPanicked = 99

// TestMain runs the tests, or p2pfs itself: some tests need it as a process.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		code := execute()
		if guard.Total() > 0 {
			code = exitPanicked
		}
		os.Exit(code)
	}
	guardtest.Main(m)
}
