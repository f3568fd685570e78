package tracker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

const (
	// connectTime bounds the connection to one address, wholeTime a request
	// with all that belongs to it: other addresses, redirects, the answer.
	connectTime = 15 * time.Second
	wholeTime   = time.Minute
	// maxRedirects is how many redirects are followed.
	maxRedirects = 3
)

var (
	errConnect = fmt.Errorf("no connection within %v", connectTime)
	errWhole   = fmt.Errorf("no answer within %v", wholeTime)
)

// httpTrackers speaks with trackers over HTTP (BEP 3, 7, 23 and 48).
type httpTrackers struct {
	cfg      Config
	turns    *turns
	resolver *resolver
	gates    gates
	ids      trackerIDs
}

func newHTTPTrackers(cfg Config, turns *turns, resolver *resolver) *httpTrackers {
	return &httpTrackers{
		cfg: cfg, turns: turns, resolver: resolver,
		gates: gates{all: make(map[string]*gate)}, ids: trackerIDs{all: make(map[idOf]string)},
	}
}

// announce announces at each address family.
func (h *httpTrackers) announce(ctx context.Context, k *call, t target, req Request) ([]Response, error) {
	id := idOf{t, req.InfoHash}
	page := t.with(announceQuery(req, h.ids.get(id)))
	f := fetch{h: h, call: k, last: req.Event == Stopped, infoHash: req.InfoHash}
	return gatherHTTP(ctx, f, page, func(body []byte, from netip.Addr) (Response, error) {
		r, given, err := httpAnnounceReply(body, from)
		if err == nil {
			h.ids.keep(id, given, req.Event)
		}
		return r, err
	})
}

// scrape asks about some torrents.
func (h *httpTrackers) scrape(ctx context.Context, k *call, t target, hashes [][20]byte) ([][]Scraped, error) {
	t, err := t.scrape()
	if err != nil {
		return nil, err
	}
	f := fetch{h: h, call: k}
	return gatherHTTP(ctx, f, t.with(scrapeQuery(hashes)), func(body []byte, _ netip.Addr) ([]Scraped, error) {
		return httpScrapeReply(body, hashes)
	})
}

// gatherHTTP fetches a page at each address family that the tracker and we have.
func gatherHTTP[T any](ctx context.Context, f fetch, t target, parse func([]byte, netip.Addr) (T, error)) ([]T, error) {
	leave, err := f.h.gates.pass(ctx, f.call, t.host, f.last)
	if err != nil {
		return nil, err
	}
	defer leave()
	addrs, err := f.h.resolver.addresses(ctx, t.host)
	if err != nil {
		return nil, err
	}
	var asks []func(context.Context) (T, error)
	for _, v6 := range []bool{false, true} {
		if len(family(addrs, v6, t.port)) == 0 || !f.h.cfg.speaks(v6) {
			continue
		}
		asks = append(asks, func(ctx context.Context) (v T, err error) {
			body, from, err := f.get(ctx, t, v6)
			if err == nil {
				v, err = parse(body, from)
			}
			return v, err
		})
	}
	if len(asks) == 0 {
		return nil, ErrNoAddress
	}
	return gather(ctx, f.h.cfg.Guard, f.call, asks)
}

// A fetch is what is asked of an HTTP tracker.
type fetch struct {
	h        *httpTrackers
	call     *call
	last     bool // the torrent's last announce
	infoHash [20]byte
}

// get fetches a page over one address family, so that the tracker sees our
// address of that family, and follows redirects. from is who answered.
func (f fetch) get(ctx context.Context, t target, v6 bool) (body []byte, from netip.Addr, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wholeTime, errWhole)
	defer cancel()
	limit := onHost
	for hops := 0; ; hops++ {
		addrs, err := f.allowed(ctx, t, v6, limit)
		if err != nil {
			return nil, from, err
		}
		if hops == 0 && !t.scraping {
			if err := f.h.turns.admit(ctx, limited{addrs[0], f.infoHash}, f.last); err != nil {
				return nil, from, err
			}
		}
		page, err := f.load(ctx, t, addrs)
		if err != nil {
			return nil, from, err
		}
		if page.location == "" {
			return page.body, page.from, nil
		}
		if hops == maxRedirects {
			return nil, from, fmt.Errorf("%w: more than %d redirects", ErrReply, maxRedirects)
		}
		limit = min(limit, depth(page.from))
		if t, err = t.redirect(page.location); err != nil {
			return nil, from, fmt.Errorf("%w: redirect: %w", ErrReply, err)
		}
	}
}

// allowed returns the addresses of a host that may be asked for a page: none
// that is further inside than where the redirect came from, and none but of
// the internet for a page that is not a tracker's.
func (f fetch) allowed(ctx context.Context, t target, v6 bool, limit int) ([]netip.AddrPort, error) {
	addrs, err := f.h.resolver.addresses(ctx, t.host)
	if err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	err = ErrNoAddress
	for _, a := range family(addrs, v6, t.port) {
		switch d := depth(a.Addr()); {
		case d > limit:
			err = fmt.Errorf("%w: redirect inward to %v", ErrReply, a)
		case d > onInternet && !t.announce:
			err = fmt.Errorf("%v: %w", a, errPath)
		default:
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, err
	}
	return out, nil
}

// redirect is the target that a page of t leads to. It may be anywhere on the
// internet, by HTTP and HTTPS only.
func (t target) redirect(location string) (target, error) {
	if len(location) > maxLocation {
		return target{}, fmt.Errorf("longer than %d bytes", maxLocation)
	}
	base, err := t.url()
	if err != nil {
		return target{}, err
	}
	u, err := base.Parse(location)
	if err != nil {
		return target{}, errors.New("not a URL")
	}
	u.Fragment, u.RawFragment = "", ""
	next, err := splitURL(u.String())
	if err == nil && next.scheme == "udp" {
		err = schemeError(next.scheme)
	}
	if t.scraping {
		next.scraping, next.announce = true, hasElement(u.Path, "scrape")
	}
	return next, err
}
