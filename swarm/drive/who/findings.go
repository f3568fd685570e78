package who

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/netgroup"
)

// findings is what members answered about the holders of a file, the last answer
// of each: who answers again takes nobody's place but his own.
type findings map[catalog.Key]finding

// finding is one member's answer.
type finding struct {
	at   time.Time
	own  message.Holder   // himself; no address: he has nothing, or nobody can dial him
	told []message.Holder // of whom he says so, maxHearsay at most
}

// note takes in a member's answer, and reports whether it is of use.
func (f findings) note(m Member, holders []message.Holder, now time.Time) bool {
	n := finding{at: now}
	for _, h := range holders {
		switch {
		case !h.Pieces.Any():
		case !h.Addr.IsValid() || h.Member == m.Key: // himself, wherever he says he is
			if netgroup.MayTell(m.Remote, m.Listen) {
				n.own = message.Holder{Addr: m.Listen, Member: m.Key, Pieces: h.Pieces}
			}
		case len(n.told) < maxHearsay && netgroup.MayTell(m.Remote, h.Addr):
			n.told = append(n.told, message.Holder{Addr: h.Addr, Member: h.Member, Pieces: h.Pieces})
		}
	}
	if !n.own.Addr.IsValid() && len(n.told) == 0 {
		delete(f, m.Key)
		return false
	}
	f[m.Key] = n
	return true
}

// expire forgets old answers: members who are connected are asked again.
func (f findings) expire(now time.Time) {
	for k, n := range f {
		if now.Sub(n.at) > inquiryLife {
			delete(f, k)
		}
	}
}

// list returns holders, each address once: those that are known first, then
// members by their own word, then those that most others tell of.
func (f findings) list(known []message.Holder) []message.Holder {
	list, seen := slices.Clone(known), map[netip.AddrPort]bool{}
	for _, h := range known {
		seen[h.Addr] = true
	}
	votes, told := map[netip.AddrPort]int{}, []message.Holder(nil)
	for _, n := range f {
		if h := n.own; h.Addr.IsValid() && !seen[h.Addr] {
			seen[h.Addr] = true
			list = append(list, h)
		}
		for _, h := range n.told {
			if votes[h.Addr]++; votes[h.Addr] == 1 {
				told = append(told, h)
			}
		}
	}
	slices.SortFunc(told, func(x, y message.Holder) int {
		return cmp.Or(cmp.Compare(votes[y.Addr], votes[x.Addr]), x.Addr.Compare(y.Addr))
	})
	for _, h := range told {
		if !seen[h.Addr] {
			list = append(list, h)
		}
	}
	return list
}
