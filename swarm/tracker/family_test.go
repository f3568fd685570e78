package tracker_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/packet"
	"p2pfs/swarm/tracker/trackertest"
)

const bothURL = "udp://both.example:6969"

// both is a tracker with an address of each family.
func (w *world) both() (four, six *trackertest.Tracker) {
	six = w.tracker("[2001:db8::1]:6969")
	w.host("both.example", six.Addr().Addr(), w.tr.Addr().Addr())
	return w.tr, six
}

func (w *world) listen(address string) {
	w.c.Close()
	addr, _ := netip.ParseAddr(address)
	w.c = tracker.New(tracker.Config{Listen: addr, ListenPacket: w.net.ListenPacket, Resolve: w.resolve})
}

// TestBothFamilies announces to both with one key and puts the answers together.
func TestBothFamilies(t *testing.T) {
	bubble(t, func(w *world) {
		four, six := w.both()
		p4, p6 := netip.MustParseAddrPort("10.0.0.9:7001"), netip.MustParseAddrPort("[2001:db8::9]:7001")
		four.Script(only(packet.Announce, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Peers: []netip.AddrPort{p4}, Interval: 100 * time.Second}
		}))
		six.Script(only(packet.Announce, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Peers: []netip.AddrPort{p6}, Interval: 200 * time.Second, Delay: time.Second / 2}
		}))
		got, err := w.announce(time.Hour, bothURL, tracker.Request{Left: 1})
		if err != nil || !slices.Equal(got.Peers, []netip.AddrPort{p4, p6}) ||
			got.Interval != 200*time.Second || got.Leechers != 1 || got.Seeders != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
		w.elapsed(time.Second / 2)
		a4, a6 := four.Announces()[0].Announce, six.Announces()[0].Announce
		if a4.Key != a6.Key || a4.Transaction == a6.Transaction {
			t.Errorf("keys %x and %x, transactions %x and %x", a4.Key, a6.Key, a4.Transaction, a6.Transaction)
		}
		all, err := w.c.Scrape(w.t.Context(), bothURL, [][20]byte{torrent})
		if err != nil || len(all) != 1 || all[0].Leechers != 1 {
			t.Errorf("scrape: %v, %v", all, err)
		}
	})
}

// TestOneFamilyOnly: what the other does not keep us waiting for.
func TestOneFamilyOnly(t *testing.T) {
	refuse := func(trackertest.Request) trackertest.Reply { return trackertest.Reply{Error: "no"} }
	lose := func(with error) func(from, to netip.AddrPort, p []byte) error {
		return func(from, to netip.AddrPort, p []byte) error {
			if to.Addr().Is6() {
				return with
			}
			return nil
		}
	}
	var refused *tracker.Refusal
	for _, c := range []struct {
		name   string
		listen string
		urgent bool
		set    func(w *world, four, six *trackertest.Tracker)
		took   time.Duration
		fails  bool
	}{
		{"silent", "", false, func(w *world, _, six *trackertest.Tracker) { six.Script(silence) }, time.Second, false},
		{"silent, urgent", "", true, func(w *world, _, six *trackertest.Tracker) { six.Script(silence) }, 300 * time.Millisecond, false},
		{"no route", "", false, func(w *world, _, _ *trackertest.Tracker) { w.net.Fault(lose(syscall.ENETUNREACH)) }, 0, false},
		{"refused", "", false, func(w *world, _, six *trackertest.Tracker) { six.Script(refuse) }, 0, false},
		{"both refused", "", false, func(w *world, four, six *trackertest.Tracker) { four.Script(refuse); six.Script(refuse) }, 0, true},
		{"one refused, other silent", "", false, func(w *world, four, six *trackertest.Tracker) { four.Script(refuse); six.Script(silence) }, time.Second, true},
		{"one refused, other without route", "", false, func(w *world, four, six *trackertest.Tracker) {
			four.Script(refuse)
			w.net.Fault(lose(syscall.EHOSTUNREACH))
		}, 0, true},
		{"listening on IPv4", "0.0.0.0", false, func(w *world, _, six *trackertest.Tracker) { six.Script(silence) }, 0, false},
		{"listening on an IPv4 address", "10.0.0.7", false, func(w *world, _, six *trackertest.Tracker) { six.Script(silence) }, 0, false},
	} {
		bubble(t, func(w *world) {
			w.listen(c.listen)
			four, six := w.both()
			c.set(w, four, six)
			_, err := w.announce(time.Hour, bothURL, tracker.Request{Urgent: c.urgent})
			if c.fails != errors.As(err, &refused) || !c.fails && err != nil {
				t.Errorf("%s: got %v", c.name, err)
			}
			if got := time.Since(w.start); got != c.took {
				t.Errorf("%s: took %v, want %v", c.name, got, c.took)
			}
			if c.listen != "" && len(six.Requests()) != 0 {
				t.Errorf("%s: announced over IPv6", c.name)
			}
		})
	}
}

// TestFamilyWanted: a tracker without an address in our family.
func TestFamilyWanted(t *testing.T) {
	for _, c := range []struct{ listen, url string }{
		{"10.0.0.7", "udp://[2001:db8::1]:6969"},
		{"2001:db8::7", trackertestURL},
		{"0.0.0.0", "udp://[2001:db8::1]:6969"},
	} {
		bubble(t, func(w *world) {
			w.listen(c.listen)
			_, err := w.announce(time.Hour, c.url, tracker.Request{})
			wantErr(t, err, tracker.ErrNoAddress)
			w.elapsed(0)
		})
	}
}

// TestSeveralAddresses: the first of a host's addresses is dead, the second try
// takes the next. A late answer of the first still counts.
func TestSeveralAddresses(t *testing.T) {
	bubble(t, func(w *world) {
		other := w.tracker("10.0.0.2:6969")
		w.host("two.example", trackerAddr.Addr(), other.Addr().Addr())
		w.tr.Script(silence)
		if _, err := w.announce(time.Hour, "udp://two.example:6969", tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.wantLog(w.tr, "c0s")
		w.wantLog(other, "c15s a15s")
	})
	bubble(t, func(w *world) {
		other := w.tracker("10.0.0.2:6969")
		w.host("two.example", trackerAddr.Addr(), other.Addr().Addr())
		w.tr.Script(only(packet.Announce, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Delay: 20 * time.Second}
		}))
		other.Script(silence)
		if _, err := w.announce(time.Hour, "udp://two.example:6969", tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.elapsed(20 * time.Second)
	})
}

// TestAddressBarred: the first address cannot be reached from here, the second is
// asked at once; when none can, that is the answer.
func TestAddressBarred(t *testing.T) {
	bubble(t, func(w *world) {
		w.host("two.example", netip.MustParseAddr("10.0.0.2"), trackerAddr.Addr())
		w.net.Fault(func(_, to netip.AddrPort, _ []byte) error {
			if to.Port() == 6969 && to != trackerAddr {
				return syscall.EHOSTUNREACH
			}
			return nil
		})
		if _, err := w.announce(time.Hour, "udp://two.example:6969", tracker.Request{}); err != nil {
			t.Error(err)
		}
		w.host("none.example", netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3"))
		for i := range 2 { // at once again: the connect request was not sent
			_, err := w.announce(time.Hour, "udp://none.example:6969", tracker.Request{InfoHash: [20]byte{byte(i)}})
			wantErr(t, err, syscall.EHOSTUNREACH)
		}
		w.elapsed(0)
	})
}

// TestRenewSlow: a DNS that has died delays no retry by more than a second.
func TestRenewSlow(t *testing.T) {
	bubble(t, func(w *world) {
		w.c.Close()
		w.c = tracker.New(tracker.Config{ListenPacket: w.net.ListenPacket,
			Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
				if time.Since(w.start) > time.Minute {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return []netip.Addr{trackerAddr.Addr()}, nil
			}})
		w.tr.Script(silence)
		w.announce(1000*time.Second, "udp://slow.example:6969", tracker.Request{})
		w.wantLog(w.tr, "c0s c15s c45s c1m45s c3m45s c7m46s c15m47s")
	})
}

// TestAddressMoves: the host's address changes while we wait.
func TestAddressMoves(t *testing.T) {
	bubble(t, func(w *world) {
		other := w.tracker("10.0.0.2:6969")
		w.host("moves.example", trackerAddr.Addr())
		w.tr.Script(silence)
		go func() {
			time.Sleep(time.Minute)
			w.host("moves.example", other.Addr().Addr())
		}()
		if _, err := w.announce(time.Hour, "udp://moves.example:6969", tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.wantLog(other, "c7m45s a7m45s") // the first try after the name was kept for 5 minutes
	})
}

// TestDNS counts what is asked of the DNS.
func TestDNS(t *testing.T) {
	bubble(t, func(w *world) {
		w.c.Close()
		asked, fail := 0, false
		w.host("t.example", netip.MustParseAddr("::ffff:10.0.0.1"))
		w.c = tracker.New(tracker.Config{ListenPacket: w.net.ListenPacket,
			Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
				asked++
				time.Sleep(time.Second)
				if fail {
					return nil, errors.New("DNS is down")
				}
				return w.resolve(ctx, host)
			}})
		step := func(what, url string, want int, fails bool) {
			t.Helper()
			_, err := w.announce(30*time.Second, url, tracker.Request{InfoHash: [20]byte{byte(asked)}})
			if asked != want || (err != nil) != fails {
				t.Errorf("%s: asked %d times, want %d; error %v", what, asked, want, err)
			}
		}
		step("literal", trackertestURL, 0, false)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				w.announce(time.Hour, "udp://T.example:6969", tracker.Request{InfoHash: [20]byte{99, byte(i)}})
			})
		}
		wg.Wait()
		step("kept, asked once by all", "udp://t.example:6969", 1, false)
		time.Sleep(4 * time.Minute)
		step("still kept", "udp://t.example:6969", 1, false)
		time.Sleep(2 * time.Minute)
		step("too old", "udp://t.example:6969", 2, false)
		step("no such host", "udp://nowhere.example:6969", 3, true)
		step("no such host, kept", "udp://nowhere.example:6969", 3, true)
		time.Sleep(20 * time.Second)
		step("no such host, asked again", "udp://nowhere.example:6969", 4, true)
		fail = true
		time.Sleep(6 * time.Minute)
		step("DNS down, the last answer counts", "udp://t.example:6969", 5, false)
	})
}

// TestDNSSlow: a caller's patience ends before the DNS answers; the next caller
// profits from the lookup all the same.
func TestDNSSlow(t *testing.T) {
	bubble(t, func(w *world) {
		w.c.Close()
		w.c = tracker.New(tracker.Config{ListenPacket: w.net.ListenPacket,
			Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(8 * time.Second):
					return []netip.Addr{trackerAddr.Addr()}, nil
				}
			}})
		_, err := w.announce(2*time.Second, "udp://slow.example:6969", tracker.Request{})
		wantErr(t, err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "looking up slow.example") {
			t.Errorf("error %q", err)
		}
		w.elapsed(2 * time.Second)
		if _, err := w.announce(time.Hour, "udp://slow.example:6969", tracker.Request{}); err != nil {
			t.Error(err)
		}
		w.elapsed(8 * time.Second)
	})
}

// TestDNSDead: nothing waits longer than ten seconds for the DNS.
func TestDNSDead(t *testing.T) {
	bubble(t, func(w *world) {
		w.c.Close()
		w.c = tracker.New(tracker.Config{ListenPacket: w.net.ListenPacket,
			Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}})
		_, err := w.announce(time.Hour, "udp://dead.example:6969", tracker.Request{})
		wantErr(t, err, context.DeadlineExceeded)
		w.elapsed(10 * time.Second)
	})
}

// TestUnusableAddresses: a name that leads nowhere, or to more than one machine.
func TestUnusableAddresses(t *testing.T) {
	bubble(t, func(w *world) {
		w.host("bad.example", netip.IPv4Unspecified(), netip.MustParseAddr("224.0.0.1"),
			netip.MustParseAddr("255.255.255.255"), netip.IPv6Unspecified(), netip.MustParseAddr("ff02::1"))
		_, err := w.announce(time.Hour, "udp://bad.example:6969", tracker.Request{})
		wantErr(t, err, tracker.ErrNoAddress)
		synctest.Wait()
	})
}
