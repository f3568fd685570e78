// Package guardtest fails tests of packages in which a Guard caught a panic, which
// no test may have noticed: the process went on, as it is to.
package guardtest

import (
	"fmt"
	"os"
	"testing"

	"p2pfs/swarm/guard"
)

// Main is what a package's TestMain calls in place of m.Run and os.Exit. Panics
// that are guard.Planted do not count.
func Main(m *testing.M) {
	code := m.Run()
	if n := guard.Total(); n > 0 && code == 0 {
		fmt.Printf("%d panics were caught outside of tests' sight: run with -v and look for \"panic\"\n", n)
		code = 1
	}
	os.Exit(code)
}
