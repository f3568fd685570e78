// Package drive connects the members of a drive: they find one another under a
// rendezvous infohash, pass on one another's catalogues, fetch objects, and
// tell who holds which file.
//
// A connection begins with the handshake of BEP 3 for the rendezvous infohash
// and the extended handshake of BEP 10, which carries a nonce each way. All
// else are messages of the extension "p2pfs": bencoded dictionaries with a "t"
// for the type, listed in package message. Of BEP 3 nothing but keep-alives is
// used; other messages are skipped. The dialler first proves that he has the drive
// key, with prove; then both say who they are, with hello, which proves it too and
// is signed: who knows the rendezvous only learns nothing of the members.
// Connections are not encrypted: who stands between two members and relays what
// they say reads along.
//
// One goroutine, the loop, owns all that changes: the catalogue state, the
// connections, the addresses, what is being fetched and asked. Each connection
// has a goroutine that reads, which answers get and who itself, and one that
// writes. The loop waits for nobody: what it has to say to a connection goes
// into a bounded queue, and a peer whose queue is full is closed. Dialling,
// writing the store to disk and the caller's callbacks run in goroutines of
// their own.
//
// Everything from the network is bounded: see the constants beside each part.
// A peer that breaks the protocol is closed with a named reason, one of the
// errors of errors.go.
package drive
