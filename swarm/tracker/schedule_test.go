package tracker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/packet"
	"p2pfs/swarm/tracker/trackertest"
)

// TestScheduleConnect is BEP 15's "connect times out", to the last doubling and
// beyond.
func TestScheduleConnect(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(silence)
		_, err := w.announce(12000*time.Second, w.tr.URL(), tracker.Request{})
		wantErr(t, err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "udp://10.0.0.1:6969: no reply after 11 tries") {
			t.Errorf("error %q", err)
		}
		w.wantLog(w.tr, "c0s c15s c45s c1m45s c3m45s c7m45s c15m45s c31m45s c1h3m45s c2h7m45s c3h11m45s")
	})
}

// TestScheduleAnnounce is BEP 15's "announce times out": a new connection id when
// the old one has expired.
func TestScheduleAnnounce(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(only(packet.Announce, silence))
		_, err := w.announce(300*time.Second, w.tr.URL(), tracker.Request{})
		wantErr(t, err, context.DeadlineExceeded)
		w.wantLog(w.tr, "c0s a0s a15s a45s c1m45s a1m45s c3m45s a3m45s")
	})
}

// TestScheduleLoss loses every second packet of each direction.
func TestScheduleLoss(t *testing.T) {
	bubble(t, func(w *world) {
		n := 0
		w.tr.Script(func(trackertest.Request) trackertest.Reply {
			n++
			return trackertest.Reply{Drop: n%2 == 1}
		})
		if _, err := w.announce(time.Hour, w.tr.URL(), tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.wantLog(w.tr, "c0s c15s a15s a30s")
	})
}

// TestScheduleLate answers after the next try was sent: it still counts.
func TestScheduleLate(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(only(packet.Connect, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Delay: 20 * time.Second}
		}))
		if _, err := w.announce(time.Hour, w.tr.URL(), tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.elapsed(20 * time.Second)
		synctest.Wait()
	})
}

// TestUnanswered: who waits is told of each try that got no answer.
func TestUnanswered(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(silence)
		var told []string
		w.announce(200*time.Second, w.tr.URL(), tracker.Request{Unanswered: func(tries int) {
			told = append(told, fmt.Sprint(tries, " ", time.Since(w.start)))
		}})
		if got, want := strings.Join(told, ", "), "1 15s, 2 45s, 3 1m45s"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	})
}

func TestUrgent(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(silence)
		w.announce(100*time.Second, w.tr.URL(), tracker.Request{Urgent: true})
		w.wantLog(w.tr, "c0s c15s c30s c45s c1m0s c1m15s c1m30s")
	})
}

// TestHurry makes an announce urgent that waits for its next try.
func TestHurry(t *testing.T) {
	for _, c := range []struct {
		at   time.Duration
		want string
	}{
		{200 * time.Second, "c0s c15s c45s c1m45s c3m20s c3m35s c3m50s"}, // overdue: at once
		{110 * time.Second, "c0s c15s c45s c1m45s c2m0s c2m15s c2m30s c2m45s c3m0s c3m15s c3m30s c3m45s"},
	} {
		bubble(t, func(w *world) {
			w.tr.Script(silence)
			go func() {
				time.Sleep(c.at)
				w.c.Hurry([20]byte{9}) // another torrent: nothing happens
				w.c.Hurry(torrent)
				w.c.Hurry(torrent)
			}()
			w.announce(238*time.Second, w.tr.URL(), tracker.Request{})
			w.wantLog(w.tr, c.want)
		})
	}
}

// TestConnectionIDShared: all torrents use one id, for one minute.
func TestConnectionIDShared(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(only(packet.Connect, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Delay: time.Second}
		}))
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				if _, err := w.announce(time.Minute, w.tr.URL(), tracker.Request{InfoHash: [20]byte{byte(i)}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, at := range []time.Duration{60, 61} {
			time.Sleep(at*time.Second - time.Since(w.start))
			w.announce(time.Minute, w.tr.URL(), tracker.Request{})
		}
		w.wantLog(w.tr, "c0s a1s a1s a1s a1m0s c1m1s a1m2s")
		for _, r := range w.tr.Announces() {
			if r.Conn != trackertest.ConnID {
				t.Errorf("announce with connection id %x", r.Conn)
			}
		}
	})
}

// TestManyWaiters: many torrents that wait for a dead tracker do not send a
// connect request each, and a new one is not kept waiting by old ones.
func TestManyWaiters(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(silence)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				w.announce(600*time.Second, w.tr.URL(), tracker.Request{InfoHash: [20]byte{1, byte(i)}})
			})
		}
		wg.Go(func() {
			time.Sleep(300 * time.Second)
			w.announce(10*time.Second, w.tr.URL(), tracker.Request{})
		})
		wg.Wait()
		got := w.log(w.tr)
		if n := len(w.tr.Requests()); n > 20 || !strings.Contains(got, " c5m0s") {
			t.Errorf("%d packets: %s", n, got)
		}
	})
}

// TestWaiterLeaves: who sent the connect request gives up; the others still get
// the answer.
func TestWaiterLeaves(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Script(only(packet.Connect, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Delay: 4 * time.Second}
		}))
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := w.announce(2*time.Second, w.tr.URL(), tracker.Request{})
			wantErr(t, err, context.DeadlineExceeded)
		})
		wg.Go(func() {
			time.Sleep(time.Second)
			if _, err := w.announce(time.Minute, w.tr.URL(), tracker.Request{InfoHash: [20]byte{5}}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		w.wantLog(w.tr, "c0s a4s")
	})
}

// TestTrackerRestarts: a tracker that was started anew is silent about ids of its
// former life; the second try brings a new one.
func TestTrackerRestarts(t *testing.T) {
	bubble(t, func(w *world) {
		w.announce(time.Minute, w.tr.URL(), tracker.Request{})
		w.tr.Close()
		w.tr = w.tracker(trackerAddr.String())
		w.tr.Script(func(r trackertest.Request) trackertest.Reply {
			if r.Action == packet.Connect {
				return trackertest.Reply{Raw: [][]byte{packet.AppendConnectReply(nil, r.Transaction, 77)}}
			}
			return trackertest.Reply{Drop: r.Conn != 77}
		})
		if _, err := w.announce(time.Hour, w.tr.URL(), tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.wantLog(w.tr, "a0s c15s a15s")
	})
}

// TestStaleRefused: some trackers say that a connection id is unknown. That is
// mended once and at once.
func TestStaleRefused(t *testing.T) {
	bubble(t, func(w *world) {
		w.announce(time.Minute, w.tr.URL(), tracker.Request{})
		w.tr.Script(only(packet.Announce, func(trackertest.Request) trackertest.Reply {
			return trackertest.Reply{Error: "Connection ID missmatch."}
		}))
		_, err := w.announce(time.Minute, w.tr.URL(), tracker.Request{})
		var refused *tracker.Refusal
		if !errors.As(err, &refused) {
			t.Errorf("got %v, want a refusal", err)
		}
		w.wantLog(w.tr, "c0s a0s a0s c0s a0s")
	})
}

// TestDeadAndBack: the tracker dies, its port is refused, it comes back.
func TestDeadAndBack(t *testing.T) {
	bubble(t, func(w *world) {
		w.tr.Close()
		go func() {
			time.Sleep(50 * time.Second)
			w.tr = w.tracker(trackerAddr.String())
		}()
		if _, err := w.announce(time.Hour, trackertestURL, tracker.Request{}); err != nil {
			t.Fatal(err)
		}
		w.elapsed(105 * time.Second)
	})
}

const trackertestURL = "udp://10.0.0.1:6969/announce"

// TestBurst: no more than six announces in 20 seconds, and Stopped gets through.
func TestBurst(t *testing.T) {
	bubble(t, func(w *world) {
		var wg sync.WaitGroup
		for range 12 {
			wg.Go(func() { w.announce(time.Hour, w.tr.URL(), tracker.Request{}) })
		}
		synctest.Wait()
		if _, err := w.announce(time.Second, w.tr.URL(), tracker.Request{Event: tracker.Stopped}); err != nil {
			t.Errorf("stopped: %v", err)
		}
		if _, err := w.announce(time.Second, w.tr.URL(), tracker.Request{InfoHash: [20]byte{8}}); err != nil {
			t.Errorf("another torrent: %v", err)
		}
		wg.Wait()
		var times []time.Duration
		for _, r := range w.tr.Announces() {
			if r.Announce.InfoHash == torrent {
				times = append(times, r.At.Sub(w.start))
			}
		}
		for i := 6; i < len(times); i++ {
			if times[i]-times[i-6] < 20*time.Second {
				t.Errorf("seven announces from %v to %v", times[i-6], times[i])
			}
		}
		if len(times) != 13 {
			t.Errorf("%d announces, want 13", len(times))
		}
	})
}
