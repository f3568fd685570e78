package tracker

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

const (
	// userAgent is what we tell HTTP trackers that we are.
	userAgent = "p2pfs/0.1"
	// maxReply bounds an answer, packed and unpacked; maxHeader what comes
	// before it.
	maxReply  = 1 << 20
	maxHeader = 64 << 10
	// maxInterim is how many answers of status 1xx may come before the answer.
	maxInterim = 5
)

var (
	errTooLong = fmt.Errorf("%w: longer than %d bytes", ErrReply, maxReply)
	errHeader  = fmt.Errorf("%w: header longer than %d bytes", ErrReply, maxHeader)
	errInterim = fmt.Errorf("%w: too many of status 1xx", ErrReply)
)

// A page is an answer over HTTP: a body, or a redirect.
type page struct {
	from     netip.Addr
	body     []byte
	location string
}

// load asks for a page at the first of some addresses that can be reached. It
// uses a Transport of its own for the one request, and not an http.Client: that
// would bring proxies, cookies, Referer and connections kept, none of which is
// wanted here, and follow redirects without asking where to.
func (f fetch) load(ctx context.Context, t target, addrs []netip.AddrPort) (page, error) {
	u, err := t.url()
	if err != nil {
		return page{}, err
	}
	d := &dialing{open: f.h.cfg.Dial, ctx: ctx, addrs: addrs}
	interim := 0
	trace := &httptrace.ClientTrace{
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				d.tls.Store(&err)
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			if interim++; interim > maxInterim {
				return errInterim
			}
			return nil
		},
	}
	req := (&http.Request{
		Method: http.MethodGet, URL: u,
		Header: http.Header{"User-Agent": {userAgent}, "Accept-Encoding": {"gzip"}},
	}).WithContext(httptrace.WithClientTrace(ctx, trace))
	name, _, _ := strings.Cut(t.host, "%")
	tr := &http.Transport{ // no Proxy; what comes is bounded and unpacked here
		DialContext: d.dial, DisableKeepAlives: true, DisableCompression: true, TLSHandshakeTimeout: connectTime,
		TLSClientConfig: &tls.Config{ServerName: strings.TrimSuffix(name, "."), RootCAs: f.h.cfg.RootCAs, MinVersion: tls.VersionTLS12},
	}
	resp, err := tr.RoundTrip(req)
	d.end()
	if err != nil {
		return page{}, d.explain(err)
	}
	defer resp.Body.Close() // reads no more of it: the connection is closed
	p := page{from: d.from}
	if location := resp.Header.Get("Location"); location != "" && isRedirect(resp.StatusCode) {
		p.location = location
		return p, nil
	}
	d.conn.left.Add(2 * maxReply) // with what chunks cost
	p.body, err = readBody(resp)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError(resp.StatusCode, p.body)
	}
	if err != nil && ctx.Err() != nil {
		err = ended(ctx)
	}
	return p, err
}

// dialing opens the connection for a request.
type dialing struct {
	open  func(ctx context.Context, network, address string) (net.Conn, error)
	ctx   context.Context // of the request: a Transport dials on after it
	addrs []netip.AddrPort
	tls   atomic.Pointer[error] // why TLS could not be agreed on

	mu   sync.Mutex // held while it dials; guards what follows
	over bool
	from netip.Addr
	conn *boundedConn // nil: none came about
	err  error        // why not
}

// end waits until no dial is under way, and keeps one from beginning.
func (d *dialing) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
}

// dial connects to the first address that can be reached. It is a Transport's,
// which calls it once at most.
func (d *dialing) dial(context.Context, string, string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return nil, net.ErrClosed
	}
	for _, a := range d.addrs {
		ctx, cancel := context.WithTimeoutCause(d.ctx, connectTime, errConnect)
		conn, err := d.open(ctx, "tcp", a.String())
		if err != nil && ctx.Err() != nil {
			err = ended(ctx)
		}
		cancel()
		if d.err = err; err == nil {
			d.from, d.conn = a.Addr(), &boundedConn{Conn: conn}
			d.conn.left.Store(maxHeader)
			return d.conn, nil
		}
		if d.ctx.Err() != nil {
			break
		}
	}
	return nil, d.err
}

// explain makes of a Transport's error one that says what is the tracker's
// fault, and what that of the way to it.
func (d *dialing) explain(err error) error {
	var network net.Error
	switch {
	case d.ctx.Err() != nil:
		return ended(d.ctx)
	case d.err != nil:
		return d.err
	case d.tls.Load() != nil:
		return fmt.Errorf("TLS: %.200s", shown((*d.tls.Load()).Error()))
	case errors.Is(err, errHeader):
		return errHeader
	case errors.Is(err, errInterim):
		return errInterim
	case d.conn == nil, d.conn.read.Load() == 0, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("no answer: %w", io.ErrUnexpectedEOF)
	case errors.As(err, &network):
		return fmt.Errorf("no answer: %w", err)
	}
	return fmt.Errorf("%w: not HTTP", ErrReply)
}

// A boundedConn ends when more has come than may: header, answers of status 1xx
// and body taken together, as they are on the wire.
type boundedConn struct {
	net.Conn
	left, read atomic.Int64 // bytes
}

// Read returns errHeader when nothing is left to be read.
func (c *boundedConn) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, errHeader
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(int64(-n))
	c.read.Add(int64(n))
	return n, err
}

// shown is what may be shown of a text that is foreign in part.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// readBody reads and unpacks a body.
func readBody(resp *http.Response) ([]byte, error) {
	var r io.Reader = resp.Body
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip", "x-gzip":
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%w: gzip: %w", ErrReply, err)
		}
		r = unpacked
	default:
		return nil, fmt.Errorf("%w: unknown encoding", ErrReply)
	}
	if resp.ContentLength > maxReply {
		return nil, errTooLong
	}
	body, err := io.ReadAll(io.LimitReader(r, maxReply+1))
	if len(body) > maxReply {
		return nil, errTooLong
	}
	return body, err
}

// statusError is what an answer with a status other than 200 says: what is wrong,
// in the way of trackers, or the status alone.
func statusError(status int, body []byte) error {
	var refused *Refusal
	if err := httpFailure(body); errors.As(err, &refused) {
		return err
	}
	return &Refusal{fmt.Sprintf("HTTP status %d %s", status, http.StatusText(status))}
}
