// Package union shows the catalogues of all members as one tree of names, and
// tells in what two such trees differ.
//
// A View is the namespace at one moment: immutable, safe for concurrent use, and
// made without looking at anything. Who has a name that several want is decided
// when it is looked up: whoever has had it for longest, by the claims that come
// with a View. Diff looks only into objects that are not the same, and gives up
// being exact where it would look at too much.
//
// The package reads objects from a store. It does not know how they came there.
package union
