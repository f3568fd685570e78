// Package drive is a member's part in a drive: it passes on the other members'
// catalogues, fetches their objects, and asks and tells who holds which file.
//
// Connections it is given (swarm/gather): they are found under the drive's
// rendezvous infohash and carry messages of the extension "p2pfs" (BEP 10). Who is
// at the other end is proven in drive/hello: who knows the rendezvous only learns
// nothing of the members. What is said is in drive/message, who is told of which
// catalogue in drive/gossip, which object is asked of whom in drive/objects, who
// holds a file in drive/who. What catalogues say is swarm/catalog's business. It
// does not know how bytes of files travel.
//
// One goroutine, the loop, owns all that changes: the catalogue state and those
// parts, which are pure. It takes an event to a part, and what that decides to
// connections; it waits for nobody. Each connection has a goroutine that reads,
// which answers who itself, one that sends the objects asked for, and one that
// writes. Writing the store to disk and the caller's callbacks run in goroutines of
// their own. Nothing is global: a process may be in any number of drives.
//
// Everything from the network is bounded: see the constants beside each part. A
// member who breaks the protocol is closed with a named reason.
package drive
