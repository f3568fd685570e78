package tracker

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// ErrUnsupported is returned for a tracker URL of a scheme other than udp.
var ErrUnsupported = errors.New("not supported yet")

// Bounds on tracker URLs.
const (
	maxURL  = 1024
	maxHost = 255
)

// A target is a tracker URL taken apart.
type target struct {
	host    string
	port    uint16
	urlData string // path and query, as BEP 41 sends them; empty for none and /
}

// String is the tracker's name for errors and logs. The path is left out: it may
// hold a passkey.
func (t target) String() string {
	return "udp://" + joinHostPort(t.host, t.port)
}

func joinHostPort(host string, port uint16) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// ParseURL says whether a tracker URL is one that Announce takes, and if not why:
//
//   - its scheme is udp. For http, https and others the error is ErrUnsupported;
//   - the host is an IP address, or a name of letters, digits, '-', '_' and '.'
//     (so no IDNA: such a name comes in its xn-- form), of at most 255 bytes;
//   - the port is given, 1 to 65535;
//   - the path is empty or /, or one of its elements is announce (or begins with
//     "announce."), so that a torrent cannot make us talk to just any URL;
//   - there is no user, password or fragment, and all fits 1024 bytes.
func ParseURL(rawURL string) error {
	_, err := parseURL(rawURL)
	return err
}

func parseURL(rawURL string) (target, error) {
	t, err := splitURL(rawURL)
	if err != nil {
		return target{}, fmt.Errorf("tracker URL %.200q: %w", rawURL, err)
	}
	return t, nil
}

func splitURL(rawURL string) (target, error) {
	if len(rawURL) > maxURL {
		return target{}, fmt.Errorf("longer than %d bytes", maxURL)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return target{}, errors.New("not a URL")
	}
	if u.Scheme != "udp" {
		return target{}, schemeError(u.Scheme)
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return target{}, errors.New("only host, port, path and query may be given")
	}
	host, err := cleanHost(u.Hostname())
	if err != nil {
		return target{}, err
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return target{}, errors.New("needs a port from 1 to 65535")
	}
	if !announcePath(u.Path) {
		return target{}, errors.New("path is not an announce path")
	}
	data := u.RequestURI()
	if data == "/" {
		data = ""
	}
	return target{host, uint16(port), data}, nil
}

func schemeError(scheme string) error {
	switch scheme {
	case "":
		return errors.New("has no scheme; write udp://host:port")
	case "http", "https":
		return fmt.Errorf("HTTP trackers are %w", ErrUnsupported)
	}
	return fmt.Errorf("%q trackers are %w", scheme, ErrUnsupported)
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

func announcePath(path string) bool {
	if path == "" || path == "/" {
		return true
	}
	for _, element := range strings.Split(path, "/") {
		if element == "announce" || strings.HasPrefix(element, "announce.") {
			return true
		}
	}
	return false
}
