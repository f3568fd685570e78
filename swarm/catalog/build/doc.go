// Package build makes the objects of a member's catalogue of what he shares.
//
// It is pure: it reads objects by a function that it is given, and hands out
// those that it made. What it costs is by what changes, not by what is shared.
// Not safe for concurrent use.
package build
