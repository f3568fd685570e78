//go:build race

package server

// less divides what a load test does under the race detector, which makes each
// step ten times slower.
const less = 10
