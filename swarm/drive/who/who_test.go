package who

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/hashing"
)

func member(n int) Member {
	a := netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	return Member{ID: n, Key: catalog.Key{byte(n)}, Remote: a, Listen: netip.AddrPortFrom(a, 6881)}
}

func file(n int) hashing.Content {
	return hashing.Content{Root: catalog.Hash{byte(n), byte(n >> 8)}, Size: int64(n) + 1}
}

var (
	all   = message.Pieces{All: true}
	epoch = time.Unix(1_000_000, 0)
)

// asking is one who asks: what he is told, and how often.
type asking struct {
	list  []message.Holder
	times int
}

func (a *asking) tell(list []message.Holder) { a.list, a.times = list, a.times+1 }

func (a *asking) want(t *testing.T, times int, addrs ...netip.AddrPort) {
	t.Helper()
	var got []netip.AddrPort
	for _, h := range a.list {
		got = append(got, h.Addr)
	}
	if a.times != times || !slices.Equal(got, addrs) {
		t.Errorf("told %d times, last %v; want %d times, %v", a.times, got, times, addrs)
	}
}

func TestAskedOnceAndToldAsSoonAsOneKnows(t *testing.T) {
	q := New()
	var first, second, third asking
	if ask := q.Ask(file(1), nil, first.tell, []int{1, 2, 3}, epoch); !slices.Equal(ask, []int{1, 2, 3}) {
		t.Errorf("asked %v", ask)
	}
	if ask := q.Ask(file(1), nil, second.tell, []int{1, 2, 3}, epoch); len(ask) != 0 {
		t.Errorf("asked again: %v", ask)
	}
	if asked, useful := q.Answer(member(1), message.Holds{File: file(1)}, epoch); !asked || useful {
		t.Errorf("nothing: asked %v, useful %v", asked, useful)
	}
	first.want(t, 0)
	holds := message.Holds{File: file(1), Holders: []message.Holder{{Pieces: all}}}
	if asked, useful := q.Answer(member(2), holds, epoch); !asked || !useful {
		t.Errorf("himself: asked %v, useful %v", asked, useful)
	}
	first.want(t, 1, member(2).Listen)
	second.want(t, 1, member(2).Listen)
	if asked, _ := q.Answer(member(2), holds, epoch); asked {
		t.Error("a second answer counts")
	}
	q.Answer(member(3), holds, epoch)
	if ask := q.Ask(file(1), nil, third.tell, []int{1, 2, 3}, epoch.Add(askAgain)); len(ask) != 0 {
		t.Errorf("asked again: %v", ask)
	}
	if third.times != 1 || len(third.list) != 2 {
		t.Errorf("what is known is told as %+v", third)
	}
	if ask := q.Ask(file(1), nil, third.tell, []int{1, 2, 3}, epoch.Add(askAgain+1)); len(ask) != 3 {
		t.Errorf("not asked again: %v", ask)
	}
}

func TestWhoWaitsIsTold(t *testing.T) {
	known := []message.Holder{{Addr: member(9).Listen, Pieces: all}}
	for name, c := range map[string]struct {
		known []message.Holder
		then  func(q *Inquiries)
	}{
		"at once, of what is known":   {known, func(*Inquiries) {}},
		"when all have answered":      {nil, func(q *Inquiries) { q.Answer(member(1), message.Holds{File: file(1)}, epoch) }},
		"when all have left":          {nil, func(q *Inquiries) { q.Leave(1) }},
		"when it has taken some time": {nil, func(q *Inquiries) { q.Expire(epoch.Add(answerTime + 1)) }},
	} {
		t.Run(name, func(t *testing.T) {
			q := New()
			var a asking
			q.Ask(file(1), c.known, a.tell, []int{1}, epoch)
			c.then(q)
			if a.times != 1 || len(a.list) != len(c.known) {
				t.Errorf("told %+v", a)
			}
		})
	}
}

// Who is asked may name a few others, of whom he may tell at all, and his last
// answer is the one that counts.
func TestHearsay(t *testing.T) {
	q := New()
	var a asking
	liar := Member{ID: 1, Key: catalog.Key{1}, Remote: netip.MustParseAddr("8.8.8.8"), Listen: netip.MustParseAddrPort("8.8.8.8:6881")}
	holds := message.Holds{File: file(1), Holders: []message.Holder{
		{Addr: netip.MustParseAddrPort("127.0.0.1:6881"), Pieces: all}, {Addr: netip.MustParseAddrPort("8.8.4.4:22"), Pieces: all},
		{Addr: netip.MustParseAddrPort("8.8.4.4:6881")}, {Addr: netip.MustParseAddrPort("9.9.9.9:6881"), Member: liar.Key, Pieces: all},
	}}
	for i := range 10 {
		holds.Holders = append(holds.Holders, message.Holder{Addr: netip.MustParseAddrPort(fmt.Sprintf("8.1.1.%d:6881", i)), Pieces: all})
	}
	q.Ask(file(1), nil, a.tell, []int{1, 2}, epoch)
	q.Answer(liar, holds, epoch)
	if len(a.list) != 1+maxHearsay || a.list[0].Addr != liar.Listen || a.list[1].Addr.String() != "8.1.1.0:6881" {
		t.Errorf("told %+v", a.list)
	}
	// Two who agree go before one, and he who takes it back is no holder.
	q.Answer(member(2), message.Holds{File: file(1), Holders: []message.Holder{{Addr: netip.MustParseAddrPort("8.1.1.3:6881"), Pieces: all}}}, epoch)
	later := epoch.Add(askAgain + 1)
	var b, c asking
	q.Ask(file(1), nil, b.tell, []int{1}, later)
	if b.list[1].Addr.String() != "8.1.1.3:6881" {
		t.Errorf("told first: %v", b.list[1])
	}
	q.Answer(liar, message.Holds{File: file(1)}, later)
	q.Ask(file(1), nil, c.tell, nil, later)
	c.want(t, 1, netip.MustParseAddrPort("8.1.1.3:6881"))
}

func TestQuestionsAreBounded(t *testing.T) {
	q := New()
	var waiting, more, full asking
	for i := range maxInquiries {
		q.Ask(file(i), nil, waiting.tell, []int{1}, epoch.Add(time.Duration(i)))
	}
	if q.Ask(file(maxInquiries), nil, full.tell, []int{1}, epoch); full.times != 1 {
		t.Error("no answer where everything is full")
	}
	q.Answer(member(1), message.Holds{File: file(5)}, epoch)
	if ask := q.Ask(file(maxInquiries), nil, more.tell, []int{1}, epoch); len(ask) != 1 || len(q.files) != maxInquiries {
		t.Errorf("asked %v; %d questions", ask, len(q.files))
	}
	q.Expire(epoch.Add(2 * inquiryLife))
	if waiting.times != maxInquiries || more.times != 1 || len(q.files) != 0 {
		t.Errorf("%d and %d were told, %d questions are left", waiting.times, more.times, len(q.files))
	}
}

func TestReplyIsBounded(t *testing.T) {
	list := []message.Holder{{Pieces: all}}
	for range 10 {
		list = append(list, message.Holder{Addr: member(1).Listen, Pieces: all})
	}
	if got := Reply(file(1), list); len(got.Holders) != 1+maxHearsay {
		t.Errorf("%d holders are told", len(got.Holders))
	}
	big := message.Pieces{Bits: make([]byte, message.MaxBits)}
	if got := Reply(file(1), []message.Holder{{Pieces: big}, {Pieces: big}}); len(got.Holders) != 1 {
		t.Errorf("%d bitfields are told", len(got.Holders))
	}
}
