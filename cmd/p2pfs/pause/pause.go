// Package pause waits without outstaying a context.
package pause

import (
	"context"
	"time"
)

// For waits until d has passed or ctx ends.
func For(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}
