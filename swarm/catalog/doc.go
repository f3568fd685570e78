// Package catalog is what members publish of what they share, as it goes from one
// to the other: signed heads, and the objects they name.
//
// A member's catalogue is a tree of objects, blobs of at most MaxObject bytes
// named by their SHA-256. A directory is a sorted list of entries, cut by name
// range into shards where it outgrows one object, with index objects above
// them. The head names the root object; it has the exact form of a BEP 44
// mutable item (the DHT messages of that BEP are left out).
//
// The package is pure but for LoadIdentity. It does not know where objects are
// kept, who is heard or what is shown; that is below it:
//
//   - build makes objects of files.
//   - store keeps heads and objects on disk.
//   - state follows which heads are valid and newest, and fetches what they lack.
//   - union shows the trees of all members as one.
//
// What is read is in its one canonical form, or refused.
package catalog
