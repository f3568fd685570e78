// Package settle decides when a file that is new, or has changed, is read.
//
// At first at once: whoever reads it finds out whether a writer has it open,
// and says how it went. After that the file waits: until its writer may be done,
// until its size and times have stood still where nobody can tell of writers,
// ever longer if it changes again and again (2, 4, ... 300 seconds). Files of
// one inode, size and time are read once, whatever they are called.
//
// A Queue is pure: no goroutine, no clock, no lock. Times are given. It does not
// know what a file holds, nor what is made of it.
package settle
