//go:build !race

package server

// less divides what a load test does under the race detector.
const less = 1
