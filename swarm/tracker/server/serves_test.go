package server

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/tracker/packet"
)

// TestServes asks a tracker that serves some torrents only.
func TestServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served, unknown, other := [20]byte{1}, [20]byte{2}, [20]byte{3}
		s := New(Config{Interval: time.Minute, Serves: func(ih [20]byte) Verdict {
			switch ih {
			case served:
				return Served
			case unknown:
				return Unknown
			}
			return Refused
		}})
		stranger := &bench{t, s.newHandler(), route{
			from: netip.MustParseAddrPort("192.0.2.7:5000"), to: netip.MustParseAddr("192.0.2.1"), port: 6969,
		}}
		friend := stranger.from("192.0.2.8:5000")
		own := stranger.from("192.0.2.1:5000")
		said := func(b *bench, ih [20]byte) string {
			req := packet.AnnounceRequest{Conn: b.conn(), InfoHash: ih, Port: 6881, NumWant: -1}
			return string(b.h.handle(packet.AppendAnnounce(nil, &req, ""), b.r))
		}
		if got := said(stranger, served); len(got) != packet.AnnounceReplyLen {
			t.Errorf("served: got %x", got)
		}
		if got := said(stranger, unknown); got != "" {
			t.Errorf("not known yet: got %x", got)
		}
		if got := said(stranger, other); !strings.Contains(got, "not served here") {
			t.Errorf("refused: got %q", got)
		}
		if st := s.Stats(); st.Swarms != 1 || st.Refusals != 1 {
			t.Errorf("got %+v", st)
		}
		// A program on the tracker's machine brings its torrent with it.
		if got := said(own, other); len(got) != packet.AnnounceReplyLen {
			t.Errorf("our own machine's: got %x", got)
		}
		if got := said(friend, other); !strings.HasSuffix(got, "\xc0\x00\x02\x01\x1a\xe1") {
			t.Errorf("brought by our own machine: got %x", got)
		}
		time.Sleep(90 * time.Second)
		said(friend, other)
		time.Sleep(90 * time.Second)
		if got := said(friend, other); !strings.Contains(got, "not served here") {
			t.Errorf("three minutes after it went away: got %x", got)
		}
		scrape := packet.AppendScrape(nil, friend.conn(), 7, [][20]byte{served, other})
		reply := hex.EncodeToString(friend.h.handle(scrape, friend.r))
		if !strings.HasSuffix(reply, strings.Repeat("0", 24)) || len(reply) != 2*(8+2*12) {
			t.Errorf("scrape of what is not served: got %s", reply)
		}
	})
}
