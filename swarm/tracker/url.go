package tracker

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ErrUnsupported is returned for a tracker URL of a scheme other than udp, http
// and https.
var ErrUnsupported = errors.New("not supported")

// Bounds on tracker URLs.
const (
	maxURL  = 1024
	maxHost = 255
)

// A target is a tracker URL taken apart.
type target struct {
	scheme string // udp, http or https
	host   string
	port   uint16
	// data is the path and query. For udp as BEP 41 sends them: empty for none
	// and for /. For the others never empty, and of printable ASCII only.
	data string
	// announce says that an element of the path is announce; of a scrape URL,
	// that one is scrape.
	announce, scraping bool
}

// String is the tracker's name for errors and logs. The path is left out: it may
// hold a passkey.
func (t target) String() string { return t.scheme + "://" + t.hostPort() }

// hostPort is the host, and the port unless it is the scheme's own.
func (t target) hostPort() string {
	if t.port != 0 && t.port == ports[t.scheme] {
		return strings.TrimSuffix(joinHostPort(t.host, t.port), ":"+strconv.Itoa(int(t.port)))
	}
	return joinHostPort(t.host, t.port)
}

// ports are those that a URL need not give.
var ports = map[string]uint16{"http": 80, "https": 443}

func joinHostPort(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// ParseURL says whether a tracker URL is one that Announce takes, and if not why:
//
//   - its scheme is udp, http or https. For others the error is ErrUnsupported;
//   - the host is an IP address, or a name of letters, digits, '-', '_' and '.'
//     (so no IDNA: such a name comes in its xn-- form), of at most 255 bytes;
//   - the port is from 1 to 65535; only udp has none of its own;
//   - with udp the path is empty or /, or one of its elements is announce (or
//     begins with "announce."), so that a torrent cannot make us talk to just any
//     URL. With http and https that element is needed on hosts that are not on
//     the internet; names are looked at again when their addresses are known;
//   - there is no user, password or fragment, and all fits 1024 bytes.
func ParseURL(rawURL string) error {
	_, err := parseURL(rawURL)
	return err
}

// Identity is the same text for tracker URLs that name the same tracker in
// another spelling: over udp, without a path and with /announce are one. A URL
// that ParseURL refuses is its own identity.
func Identity(rawURL string) string {
	t, err := parseURL(rawURL)
	if err != nil {
		return rawURL
	}
	if t.scheme == "udp" && t.data == "/announce" {
		t.data = ""
	}
	return t.String() + t.data
}

func parseURL(rawURL string) (target, error) {
	if len(rawURL) > maxURL {
		return target{}, fmt.Errorf("tracker URL %.200q: longer than %d bytes", rawURL, maxURL)
	}
	t, err := splitURL(rawURL)
	if err == nil && t.scheme != "udp" && t.isLocal() {
		err = t.checkPath()
	}
	if err != nil {
		return target{}, fmt.Errorf("tracker URL %.200q: %w", rawURL, err)
	}
	return t, nil
}

func splitURL(rawURL string) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return target{}, errors.New("not a URL")
	}
	t := target{scheme: u.Scheme, port: ports[u.Scheme], announce: hasElement(u.Path, "announce")}
	if u.Scheme != "udp" && t.port == 0 {
		return target{}, schemeError(u.Scheme)
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return target{}, errors.New("only host, port, path and query may be given")
	}
	if t.host, err = cleanHost(u.Hostname()); err != nil {
		return target{}, err
	}
	if text := u.Port(); text != "" || t.port == 0 {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return target{}, errors.New("needs a port from 1 to 65535")
		}
		t.port = uint16(port)
	}
	t.data = u.RequestURI()
	if t.scheme != "udp" {
		t.data = printable(t.data)
		return t, nil
	}
	if t.data == "/" {
		t.data = ""
	}
	if u.Path != "" && u.Path != "/" {
		err = t.checkPath()
	}
	return t, err
}

// errPath says that what is asked for is not a tracker's to give.
var errPath = errors.New("path is not an announce path")

// checkPath returns an error unless the path is one that is asked of any host.
func (t target) checkPath() error {
	if !t.announce {
		return errPath
	}
	return nil
}

// isLocal reports whether the URL itself tells that the host is not on the
// internet.
func (t target) isLocal() bool {
	if addr, err := netip.ParseAddr(t.host); err == nil {
		return depth(addr) > 0
	}
	name := "." + strings.TrimSuffix(t.host, ".")
	return strings.HasSuffix(name, ".localhost")
}

func schemeError(scheme string) error {
	if scheme == "" {
		return errors.New("has no scheme; write udp://host:port")
	}
	return fmt.Errorf("%q trackers are %w", scheme, ErrUnsupported)
}

// printable escapes what may not stand in a request line.
func printable(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// cleanHost returns the host in the one form that is looked up and compared.
func cleanHost(host string) (string, error) {
	if host == "" {
		return "", errors.New("has no host")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		if addr.IsUnspecified() || addr.IsMulticast() || addr == broadcast {
			return "", errors.New("host is not the address of one machine")
		}
		return addr.String(), nil
	}
	if len(host) > maxHost {
		return "", fmt.Errorf("host is longer than %d bytes", maxHost)
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if !cleanLabel(label) {
			return "", errors.New("host is not a domain name")
		}
	}
	// Some resolvers take 127.1 or 0x7f000001 for an address; no name ends so.
	if c := labels[len(labels)-1][0]; '0' <= c && c <= '9' {
		return "", errors.New("host is neither an address nor a domain name")
	}
	return strings.ToLower(host), nil
}

func cleanLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	for _, c := range []byte(label) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// hasElement reports whether an element of a path is the word, alone or with an
// extension.
func hasElement(path, word string) bool {
	for _, element := range strings.Split(path, "/") {
		if element == word || strings.HasPrefix(element, word+".") {
			return true
		}
	}
	return false
}
