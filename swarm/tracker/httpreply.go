package tracker

import (
	"fmt"
	"net/netip"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/tracker/packet"
)

// defaultInterval is taken where an HTTP tracker gives none.
const defaultInterval = 30 * time.Minute

// httpDict walks over the dictionary that an answer over HTTP is. Keys may stand
// in any order, and white space behind it, as scripts leave it there.
func httpDict(body []byte, f func(c *bencode.Cursor, key string) error) error {
	c, err := bencode.NewCursor(trimSpace(body), bencode.Limits{Bytes: maxReply, AllowUnsorted: true})
	if err == nil {
		err = c.Dict(func(key []byte) error { return f(c, string(key)) })
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReply, err)
	}
	return nil
}

func trimSpace(p []byte) []byte {
	for len(p) > 0 && (p[len(p)-1] == '\n' || p[len(p)-1] == '\r' || p[len(p)-1] == ' ') {
		p = p[:len(p)-1]
	}
	return p
}

// httpFailure returns the refusal that an answer is, nil if it is none, or an
// error if it is no answer at all.
func httpFailure(body []byte) error {
	var refused *Refusal
	err := httpDict(body, func(c *bencode.Cursor, key string) error {
		if key != "failure reason" {
			return nil
		}
		text, err := c.Bytes()
		refused = &Refusal{cut(text)}
		return err
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}

func cut(text []byte) string { return string(text[:min(len(text), maxMessage)]) }

// httpAnnounceReply reads an answer to an announce, and the id that the tracker
// gives us with it, if any. Numbers that are none are taken as not given, but
// peers that are none make it no answer.
func httpAnnounceReply(body []byte, from netip.Addr) (r Response, id string, err error) {
	if err := httpFailure(body); err != nil {
		return r, "", err
	}
	peers := peerList{from: from}
	var interval, least int64
	useful := false // as it is with an interval or peers
	err = httpDict(body, func(c *bencode.Cursor, key string) (err error) {
		switch key {
		case "interval":
			interval = number(c)
			useful = useful || interval != 0
		case "min interval":
			least = number(c)
		case "complete":
			r.Seeders = count(number(c))
		case "incomplete":
			r.Leechers = count(number(c))
		case "tracker id":
			id = text(c)
		case "warning message":
			r.Warning = cut([]byte(text(c)))
		case "peers":
			useful, err = true, peers.read(c, false)
		case "peers6":
			useful, err = true, peers.read(c, true)
		}
		return err
	})
	if err == nil && !useful {
		err = fmt.Errorf("%w: neither peers nor an interval", ErrReply)
	}
	if err != nil {
		return Response{}, "", err
	}
	r.Peers = peers.all
	r.Interval = defaultInterval
	if interval != 0 {
		r.Interval = clamp(interval)
	}
	if least > 0 {
		r.MinInterval = clamp(least)
		r.Interval = max(r.Interval, r.MinInterval)
	}
	return r, id, nil
}

// number reads an integer, 0 for anything else.
func number(c *bencode.Cursor) int64 {
	if c.Kind() != bencode.Int {
		return 0
	}
	n, _ := c.Int()
	return n
}

// count is a number of peers.
func count(n int64) int { return int(min(max(n, 0), 1<<31-1)) }

// text reads a string, the empty one for anything else.
func text(c *bencode.Cursor) string {
	if c.Kind() != bencode.String {
		return ""
	}
	s, _ := c.Bytes()
	return string(s)
}

// read reads peers: a compact list (BEP 23, BEP 7), or a list of dictionaries
// (BEP 3).
func (l *peerList) read(c *bencode.Cursor, v6 bool) error {
	if c.Kind() == bencode.List {
		return c.List(func() error { return l.readOne(c) })
	}
	compact, err := c.Bytes()
	if err != nil {
		return err
	}
	if len(compact)%packet.PeerLen(v6) != 0 {
		return packet.ErrOddList
	}
	for peer := range packet.Peers(compact, v6) {
		l.add(peer)
	}
	return nil
}

// readOne reads one peer that is a dictionary. Names of hosts, which BEP 3 allows,
// are left out: looking them up would be a way to have us ask for anything.
func (l *peerList) readOne(c *bencode.Cursor) error {
	var ip string
	var port int64
	err := c.Dict(func(key []byte) error {
		switch string(key) {
		case "ip":
			ip = text(c)
		case "port":
			port = number(c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(ip)
	if err == nil && addr.Zone() == "" && port > 0 && port < 1<<16 {
		l.add(netip.AddrPortFrom(addr, uint16(port)))
	}
	return nil
}

// httpScrapeReply reads an answer about some torrents (BEP 48). Those that it
// leaves out have no peers.
func httpScrapeReply(body []byte, hashes [][20]byte) ([]Scraped, error) {
	if err := httpFailure(body); err != nil {
		return nil, err
	}
	all, useful := make(map[[20]byte]Scraped), false
	err := httpDict(body, func(c *bencode.Cursor, key string) error {
		if key != "files" {
			return nil
		}
		useful = true
		return c.Dict(func(hash []byte) error {
			if len(hash) != 20 {
				return nil
			}
			s, err := readScraped(c)
			all[[20]byte(hash)] = s
			return err
		})
	})
	if err == nil && !useful {
		err = fmt.Errorf("%w: no files", ErrReply)
	}
	if err != nil {
		return nil, err
	}
	out := make([]Scraped, len(hashes))
	for i, h := range hashes {
		out[i] = all[h]
	}
	return out, nil
}

func readScraped(c *bencode.Cursor) (s Scraped, err error) {
	err = c.Dict(func(key []byte) error {
		switch string(key) {
		case "complete":
			s.Seeders = count(number(c))
		case "downloaded":
			s.Completed = count(number(c))
		case "incomplete":
			s.Leechers = count(number(c))
		}
		return nil
	})
	return s, err
}
