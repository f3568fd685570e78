package main

import (
	"os"
	"testing"

	"p2pfs/swarm/guard/guardtest"
)

// asCommand is set in the environment of a test binary that is to be p2pfs.
const asCommand = "P2PFS_TEST_COMMAND"

// TestMain runs the tests, or p2pfs itself: some tests need it as a process.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	guardtest.Main(m)
}
