// Package store keeps the catalogues of one drive on disk: heads, objects, and
// what must be known of both at start.
//
// What is put is seen at once and reaches the disk with the next Flush, all of
// it or nothing. A store that is damaged is set aside. It judges nothing: what
// may come in and what must go is for package state to say. Safe for concurrent
// use.
package store
