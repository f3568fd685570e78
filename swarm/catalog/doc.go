// Package catalog keeps what the members of a drive share: signed heads, the
// objects they name, and the union of all members' trees as one namespace.
//
// A member's catalogue is a tree of objects, blobs of at most MaxObject bytes
// named by their SHA-256. A directory is a sorted list of entries, cut by name
// range into shards where it outgrows one object, with index objects above
// them. The head names the root object; it has the exact form of a BEP 44
// mutable item (the DHT messages of that BEP are left out).
//
// The parts, from the bottom up:
//
//   - Identity, Head and the object codec are pure.
//   - Builder turns a list of files into objects.
//   - Store keeps heads and objects in one bbolt file. Safe for concurrent use.
//   - State knows which heads are valid and newest, which objects they still
//     lack, and what may be thrown away. It belongs to one goroutine, starts
//     none, and has no clock: now is a parameter.
//   - View is the namespace at one moment. Immutable, safe for concurrent use.
//
// Work is bounded by the bytes that came, not by what they name: an object may
// be named thousands of times. State looks at each new object once; what more
// a head would have it do has a small allowance. With Pace it does all of that
// in steps. A name that several have belongs to who has it for longest: State
// notes since when a member has a name only where others had it before, and
// View compares when a name is looked up. Diff gives up being exact where it
// would look at too much.
//
// Invariants: of an author who was connected to anybody in the last 30 days, as
// far as is known, the highest sequence number ever seen with a valid signature
// is kept, and no head at or below it is accepted again; those who find no place
// in the table of authors, which address groups share, are refused. A head is
// passed on while its author is connected, or when it lacks nothing. It is shown
// only when every object under it is here and well-formed, whole and at
// once. An object is stored only while something refers to it.
package catalog
