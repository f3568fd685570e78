package book

import (
	"net/netip"
	"time"

	"p2pfs/swarm/netgroup"
)

// maxMembers bounds the addresses of one swarm that only Member told of.
const maxMembers = 128

// Owner is who answers at an address, where that was proven: a member's key. Zero:
// nobody is known.
type Owner [32]byte

// entry is an address that can be dialled.
type entry struct {
	addr     netip.AddrPort
	from     Origin
	owner    Owner // who answered there
	failures int
	next     time.Time  // not dialled before
	hearsay  bool       // counted in told: nobody of ours has reached it
	teller   netip.Addr // who told of it, for that count
	turn     int        // its place in what Member told; the first are the surest
	dialling bool
	joined   bool      // connected, from either side
	claimed  bool      // who is connected says that he listens there; nobody has looked
	sated    bool      // it had everything when it left
	reached  time.Time // when a dial last ended at a peer
	rank     uint32    // BEP 40, among those of the same origin; as of the last Due
}

// inUse reports whether an address may not be forgotten now.
func (e *entry) inUse() bool { return e.joined || e.dialling }

// table is the addresses that are known, within all bounds on how many, and on
// whose word.
type table struct {
	known   map[netip.AddrPort]*entry
	max     int
	told    netgroup.Told
	members int // of the origin Member
}

// insert takes in an address that is not known; nil if there is no room for it.
func (t *table) insert(teller netip.Addr, a netip.AddrPort, from Origin) *entry {
	if from == Member && !t.roomForMember() || from.hearsay() && !t.roomForWord(teller, a, from) {
		return nil
	}
	e := &entry{addr: a, from: from, hearsay: from.hearsay(), teller: teller}
	if len(t.known) >= t.max && !t.displace(from) {
		t.believe(e)
		return nil
	}
	t.known[a] = e
	if from == Member {
		t.members++
	}
	return e
}

// heardAgain takes in an address that is known.
func (t *table) heardAgain(e *entry, from Origin) {
	if from > e.from {
		t.becomes(e, from)
	}
	if (from == User || from == Member) && !e.joined { // somebody says it is there
		if from == User || e.failures == 0 {
			e.next = time.Time{}
		}
		if from == User {
			e.failures = 0
		}
	}
	if !from.Public() { // those tell of whoever is there, again and again
		e.sated, e.failures = false, min(e.failures, maxOffers-1)
	}
}

// displace forgets an address of a worse origin, or one of the same that was
// dialled in vain; false if there is none. Of several the one of the worst origin
// goes, of these the one that failed most. Who proved who he is stays.
func (t *table) displace(from Origin) bool {
	var worst *entry
	for _, e := range t.known {
		switch {
		case e.inUse() || e.owner != Owner{} || e.from > from || e.from == from && e.failures == 0:
		case worst == nil || e.from < worst.from || e.from == worst.from && e.failures > worst.failures:
			worst = e
		}
	}
	if worst != nil {
		t.forget(worst)
	}
	return worst != nil
}

// roomForWord counts an address that is known on a teller's word. Where its host
// has too many ports already one makes room of which a worse origin told; for a
// host's own word also one that was dialled in vain, or that others told of.
func (t *table) roomForWord(teller netip.Addr, a netip.AddrPort, from Origin) bool {
	ok, crowded := t.told.Add(teller, a)
	if ok || !crowded {
		return ok
	}
	own := teller == a.Addr()
	for _, e := range t.known {
		if e.addr.Addr() != a.Addr() || !e.hearsay || e.inUse() {
			continue
		}
		if e.from < from || own && (e.failures > 0 || e.teller != teller) {
			t.forget(e)
			ok, _ = t.told.Add(teller, a)
			return ok
		}
	}
	return false
}

// roomForMember makes room for one more of the origin Member: of the others the
// one goes that failed most, of these the one that was least sure.
func (t *table) roomForMember() bool {
	if t.members < maxMembers {
		return true
	}
	var worst *entry
	for _, e := range t.known {
		if e.from != Member || e.inUse() {
			continue
		}
		if worst == nil || e.failures > worst.failures || e.failures == worst.failures && e.turn > worst.turn {
			worst = e
		}
	}
	if worst != nil {
		t.forget(worst)
	}
	return worst != nil
}

// becomes gives an address a better origin.
func (t *table) becomes(e *entry, from Origin) {
	if e.from == Member {
		t.members--
	}
	if e.from = from; from == Member {
		t.members++
	}
	if !from.hearsay() {
		t.believe(e)
	}
}

// believe takes an address out of what is counted as hearsay.
func (t *table) believe(e *entry) {
	if e.hearsay {
		t.told.Remove(e.teller, e.addr)
		e.hearsay = false
	}
}

func (t *table) forget(e *entry) {
	t.believe(e)
	if e.from == Member {
		t.members--
	}
	delete(t.known, e.addr)
}
