package tracker

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// maxLocation bounds the URL that a redirect leads to: the one that was asked
// for, with what we put into it, and some more.
const maxLocation = 4096

// with is t with more behind its query.
func (t target) with(query string) target {
	switch {
	case !strings.Contains(t.data, "?"):
		t.data += "?"
	case !strings.HasSuffix(t.data, "?") && !strings.HasSuffix(t.data, "&"):
		t.data += "&"
	}
	t.data += query
	return t
}

// url is t as a URL.
func (t target) url() (*url.URL, error) {
	return url.Parse(t.scheme + "://" + strings.ReplaceAll(t.hostPort(), "%", "%25") + t.data)
}

// scrape is the URL that BEP 48 makes of an announce URL: behind the last slash
// announce becomes scrape; where it does not stand there, none.
func (t target) scrape() (target, error) {
	i := strings.LastIndexByte(t.data, '/') + 1
	rest, ok := strings.CutPrefix(t.data[i:], "announce")
	if !ok {
		return target{}, ErrNoScrape
	}
	t.data = t.data[:i] + "scrape" + rest
	path, _, _ := strings.Cut(t.data, "?")
	t.scraping, t.announce = true, hasElement(path, "scrape")
	return t, nil
}

// announceQuery is an announce as BEP 3 and 23 write it; id is the tracker's, if
// it gave one.
func announceQuery(req Request, id string) string {
	var b strings.Builder
	b.WriteString("info_hash=" + escape(req.InfoHash[:]) + "&peer_id=" + escape(req.PeerID[:]))
	b.WriteString("&port=" + strconv.Itoa(int(req.Port)))
	for _, n := range []struct {
		key   string
		value int64
	}{{"uploaded", req.Uploaded}, {"downloaded", req.Downloaded}, {"left", req.Left}} {
		b.WriteString("&" + n.key + "=" + strconv.FormatInt(max(n.value, 0), 10))
	}
	b.WriteString("&compact=1")
	fmt.Fprintf(&b, "&key=%08X", req.Key)
	if want := req.numWant(); want >= 0 {
		b.WriteString("&numwant=" + strconv.Itoa(want))
	}
	if event := events[req.Event]; event != "" {
		b.WriteString("&event=" + event)
	}
	if id != "" {
		b.WriteString("&trackerid=" + escape([]byte(id)))
	}
	return b.String()
}

// events are the events as HTTP trackers know them; None has no name.
var events = map[Event]string{Started: "started", Completed: "completed", Stopped: "stopped"}

// scrapeQuery asks about some torrents.
func scrapeQuery(hashes [][20]byte) string {
	var parts []string
	for _, h := range hashes {
		parts = append(parts, "info_hash="+escape(h[:]))
	}
	return strings.Join(parts, "&")
}

// escape writes bytes into a URL: all but letters, digits and four marks as %XX
// (RFC 3986). url.QueryEscape will not do: some trackers do not take + for a
// space.
func escape(p []byte) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range p {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}
