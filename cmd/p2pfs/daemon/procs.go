//go:build linux

package daemon

import (
	"os"
	"runtime"
	"sync"
)

// waiters is how many threads of a mount usually wait in the kernel without its
// knowing: for the next request, and for a piece to be written.
const waiters = 2

// MoreProcs lets as many threads more run. A thread that waits in a call of the
// kernel keeps its place until Go's monitor takes it away, which then wakes up
// every 20 µs: a tenth of all that a mount did while it was read.
var MoreProcs = sync.OnceFunc(func() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + waiters)
	}
})
