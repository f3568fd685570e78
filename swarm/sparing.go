package swarm

import "context"

type sparingKey struct{}

// Sparing returns a context under which Reader.ReadAt fetches just the blocks
// that it is asked for (of v1 torrents the pieces, which verify only whole),
// and nothing ahead of them or around.
func Sparing(ctx context.Context) context.Context {
	return context.WithValue(ctx, sparingKey{}, true)
}

func sparing(ctx context.Context) bool { return ctx.Value(sparingKey{}) != nil }
