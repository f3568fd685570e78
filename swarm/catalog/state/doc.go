// Package state follows the catalogues of a drive's members: which heads are valid
// and newest, which objects they lack, what is shown, and what may be thrown away.
//
// A State is made of parts with one duty each, which share the time and a pace:
//
//   - Roster: who is known, by which head, and when he was last seen.
//   - graph: which objects are here, and what is complete.
//   - wants: the heads that are fetched.
//   - settler: which names the next head to be shown takes that others had, kept
//     as claims.
//   - ranking: who is shown, by rank.
//   - levelling: who has most and loses first where there is too much.
//
// It belongs to one goroutine, starts none, and has no clock: now is a parameter.
// The Views it makes may be used by any. It does not know whom to ask for what is
// missing, nor to whom what is told.
//
// Work is bounded by the bytes that came, not by what they name: an object may
// be named thousands of times. State looks at each new object once; what more
// a head would have it do has a small allowance. With Pace it does all of that
// in steps.
//
// Invariants: of an author who was connected to anybody in the last 30 days, as
// far as is known, the highest sequence number ever seen with a valid signature
// is kept, and no head at or below it is accepted again; those who find no place
// in the table of authors, which address groups share, are refused. A head is
// passed on while its author is connected, or when it lacks nothing. It is shown
// only when every object under it is here and well-formed, whole and at
// once. An object is stored only while something refers to it.
package state
