package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// seeds are the golden messages, cut and with single bytes changed: some
// hundreds of inputs near the protocol.
func seeds(f *testing.F) {
	for _, c := range golden {
		whole := unhex(f, c.hex)
		f.Add(whole)
		for n := 0; n < len(whole); n += 5 {
			f.Add(whole[:n])
			changed := bytes.Clone(whole)
			changed[n] ^= 0xff
			f.Add(changed)
		}
		f.Add(append(whole, bytes.Repeat([]byte{0xff}, 1400)...))
	}
}

// FuzzReplies reads anything as every kind of reply: no panic, and what was read
// is written as the same bytes.
func FuzzReplies(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		ParseReply(p)
		if id, err := ParseConnectReply(p); err == nil {
			got := AppendConnectReply(nil, 0, id)
			if !bytes.Equal(got[8:16], p[8:16]) {
				t.Fatalf("connection id %x became %x", p[8:16], got[8:16])
			}
		}
		for _, v6 := range []bool{false, true} {
			r, err := ParseAnnounceReply(p, v6)
			if err != nil {
				continue
			}
			again := AppendAnnounceReply(nil, AnnounceReply{r.Transaction, r.Interval, r.Leechers, r.Seeders, nil})
			n := 0
			for peer := range Peers(r.Compact, v6) {
				again = appendPeer(again, peer)
				n++
			}
			if !bytes.Equal(again[4:], p[4:]) || n != len(r.Compact)/PeerLen(v6) {
				t.Fatalf("announce reply %x became %x", p, again)
			}
		}
		for _, n := range []int{0, 1, 2, MaxScrape} {
			if all, err := ParseScrapeReply(p, n); err == nil && len(all) != n {
				t.Fatalf("%d figures for %d torrents", len(all), n)
			}
		}
	})
}

// FuzzRequests reads anything as every kind of request.
func FuzzRequests(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, p []byte) {
		if r, err := ParseRequest(p); err == nil && !bytes.Equal(AppendRequest(nil, r), p[:RequestLen]) {
			t.Fatalf("request %x became %+v", p, r)
		}
		for i := range ScrapeHashes(p) {
			if h := ScrapeHash(p, i); !bytes.Equal(h[:], p[16+20*i:36+20*i]) {
				t.Fatalf("hash %d of %x is %x", i, p, h)
			}
		}
		r, err := ParseAnnounce(p)
		if err != nil {
			return
		}
		again := AppendAnnounce(nil, &r, "")
		if !bytes.Equal(again[:8], p[:8]) || !bytes.Equal(again[12:AnnounceRequestLen], p[12:AnnounceRequestLen]) {
			t.Fatalf("announce %x became %x", p, again)
		}
	})
}

// appendPeer appends a peer: 6 bytes for an IPv4 address, 18 for an IPv6 one.
func appendPeer(dst []byte, peer netip.AddrPort) []byte {
	dst = append(dst, peer.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(dst, peer.Port())
}
