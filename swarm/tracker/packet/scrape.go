package packet

import "encoding/binary"

// AppendScrape appends a scrape request. More than MaxScrape hashes do not fit:
// the caller asks for the rest in a further packet.
func AppendScrape(dst []byte, conn uint64, transaction uint32, hashes [][20]byte) []byte {
	dst = AppendRequest(dst, Request{conn, Scrape, transaction})
	for _, h := range hashes {
		dst = append(dst, h[:]...)
	}
	return dst
}

// ScrapeHashes returns how many infohashes the scrape request p asks for, at
// most MaxScrape. A broken last one does not count.
func ScrapeHashes(p []byte) int {
	return min(max(len(p)-RequestLen, 0)/20, MaxScrape)
}

// ScrapeHash returns infohash i of the scrape request p, i < ScrapeHashes(p).
func ScrapeHash(p []byte, i int) [20]byte {
	return [20]byte(p[RequestLen+20*i:])
}

// Scraped is what a tracker says about one torrent.
type Scraped struct {
	Seeders, Completed, Leechers int32
}

// AppendScraped appends one torrent's figures to a scrape reply, whose head
// AppendReply wrote.
func AppendScraped(dst []byte, s Scraped) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.Seeders))
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.Completed))
	return binary.BigEndian.AppendUint32(dst, uint32(s.Leechers))
}

// ParseScrapeReply reads the figures of the n torrents that were asked for.
func ParseScrapeReply(p []byte, n int) ([]Scraped, error) {
	if len(p) < ReplyLen+n*ScrapedLen {
		return nil, ErrShort
	}
	all := make([]Scraped, n)
	for i := range all {
		q := p[ReplyLen+i*ScrapedLen:]
		all[i] = Scraped{
			Seeders:   int32(binary.BigEndian.Uint32(q)),
			Completed: int32(binary.BigEndian.Uint32(q[4:])),
			Leechers:  int32(binary.BigEndian.Uint32(q[8:])),
		}
	}
	return all, nil
}
