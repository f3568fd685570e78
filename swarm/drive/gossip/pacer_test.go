package gossip

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
)

// group is the nth address group.
func group(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{8, 0, byte(n), 0}), 24)
}

func TestPacer(t *testing.T) {
	p := newPacer()
	now := time.Unix(1000, 0)
	k := catalog.Key{1}
	n := 0
	for p.allow(k, now) {
		n++
	}
	if n != headBurst {
		t.Errorf("%d at once", n)
	}
	hold := func(k catalog.Key, seq int64, from int, own bool) {
		p.hold(Paced{catalog.Head{Key: k, Seq: seq}, catalog.Told{From: group(from)}, from}, own)
	}
	for seq := range 5 {
		hold(k, int64(seq), seq, false)
	}
	hold(k, 2, 9, false)
	if p.allow(k, now.Add(time.Second)) {
		t.Error("a head overtakes one that waits")
	}
	list := p.due(now.Add(time.Second))
	if len(list) != 1 || list[0].Head.Seq != 4 || list[0].From != 4 {
		t.Errorf("got %+v", list)
	}
	if p.due(now.Add(time.Hour)); len(p.limits) != 0 || len(p.groups) != 0 {
		t.Error("quiet authors are kept")
	}
	for i := range maxPaced + 10 {
		hold(catalog.Key{byte(i), byte(i >> 8), 1}, 1, 1, false)
	}
	if len(p.held) != maxPacedG {
		t.Errorf("%d heads of one address group wait", len(p.held))
	}
	hold(k, 1, 2, false)
	hold(catalog.Key{2}, 1, 1, true)
	if len(p.held) != maxPacedG+2 {
		t.Error("no room for an author's own, or for what came from elsewhere")
	}
	for i := range maxPaced + 10 {
		hold(catalog.Key{byte(i), byte(i >> 8), 2}, 1, i/100, false)
	}
	if len(p.held) > maxPaced {
		t.Errorf("%d heads wait", len(p.held))
	}
}
