package tracker

import (
	"context"
	"fmt"

	"p2pfs/swarm/tracker/packet"
)

// maxScrapeHTTP is how many torrents one request asks for over HTTP: its URL
// stays below 4 KiB.
const maxScrapeHTTP = 50

// Scrape asks the tracker at rawURL how many peers the torrents have; the
// answers stand in the order of the hashes. It retries as Announce does. Where
// both address families answer, the greater figures count. The error is
// ErrNoScrape for an HTTP tracker whose URL BEP 48 has no scrape URL for.
func (c *Client) Scrape(ctx context.Context, rawURL string, hashes [][20]byte) ([]Scraped, error) {
	t, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	ctx, k, err := c.calls.enter(ctx, Request{})
	if err != nil {
		return nil, fmt.Errorf("tracker %v: %w", t, err)
	}
	defer c.calls.leave(k)
	scrape, most := c.http.scrape, maxScrapeHTTP
	if t.scheme == "udp" {
		scrape, most = c.udp.scrape, packet.MaxScrape
	}
	var out []Scraped
	for len(hashes) > 0 {
		some := hashes[:min(len(hashes), most)]
		hashes = hashes[len(some):]
		all, err := scrape(ctx, k, t, some)
		if err != nil {
			return nil, fmt.Errorf("tracker %v: %w", t, err)
		}
		out = append(out, greater(all)...)
	}
	return out, nil
}

// greater takes the greater of all figures.
func greater(all [][]Scraped) []Scraped {
	out := all[0]
	for _, other := range all[1:] {
		for i, s := range other {
			out[i] = Scraped{max(out[i].Seeders, s.Seeders), max(out[i].Completed, s.Completed),
				max(out[i].Leechers, s.Leechers)}
		}
	}
	return out
}
