package tracker

import (
	"context"
	"fmt"

	"p2pfs/swarm/tracker/packet"
)

// Scrape asks the tracker at rawURL how many peers the torrents have; the
// answers stand in the order of the hashes. It retries as Announce does. Where
// both address families answer, the greater figures count.
func (c *Client) Scrape(ctx context.Context, rawURL string, hashes [][20]byte) ([]Scraped, error) {
	t, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	ctx, k, err := c.enter(ctx, Request{})
	if err != nil {
		return nil, fmt.Errorf("tracker %v: %w", t, err)
	}
	defer c.leave(k)
	var out []Scraped
	for len(hashes) > 0 {
		some := hashes[:min(len(hashes), packet.MaxScrape)]
		hashes = hashes[len(some):]
		figures, err := c.scrape(ctx, query{target: t, call: k}, some)
		if err != nil {
			return nil, fmt.Errorf("tracker %v: %w", t, err)
		}
		out = append(out, figures...)
	}
	return out, nil
}

// scrape asks about as many torrents as fit one packet.
func (c *Client) scrape(ctx context.Context, q query, hashes [][20]byte) ([]Scraped, error) {
	q.build = func(dst []byte, conn uint64, transaction uint32) []byte {
		return packet.AppendScrape(dst, conn, transaction, hashes)
	}
	all, err := gather(ctx, c, q, func(a answer) ([]Scraped, error) {
		return scrapeReply(a.reply, len(hashes))
	})
	if err != nil {
		return nil, err
	}
	out := all[0]
	for _, other := range all[1:] {
		for i, s := range other {
			out[i] = Scraped{max(out[i].Seeders, s.Seeders), max(out[i].Completed, s.Completed),
				max(out[i].Leechers, s.Leechers)}
		}
	}
	return out, nil
}
