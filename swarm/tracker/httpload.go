package tracker

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
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

// A page is an answer over HTTP: a body, or a redirect.
type page struct {
	from     netip.Addr
	body     []byte
	location string
}

// load asks for a page at the first of some addresses that can be reached. It
// speaks HTTP/1.1 by itself, one request a connection: an http.Client would bring
// proxies, cookies, Referer and connections kept, none of which is wanted here.
func (c *Client) load(ctx context.Context, t target, addrs []netip.AddrPort) (page, error) {
	conn, from, err := c.reach(ctx, addrs)
	if err != nil {
		return page{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	p, err := c.converse(ctx, conn, t)
	if err != nil && ctx.Err() != nil {
		err = ended(ctx)
	}
	p.from = from
	return p, err
}

// reach connects to the first address that can be reached.
func (c *Client) reach(ctx context.Context, addrs []netip.AddrPort) (conn net.Conn, from netip.Addr, err error) {
	for _, a := range addrs {
		dial, cancel := context.WithTimeoutCause(ctx, connectTime, errConnect)
		conn, err = c.cfg.Dial(dial, "tcp", a.String())
		if err != nil && dial.Err() != nil {
			err = ended(dial)
		}
		cancel()
		if err == nil {
			return conn, a.Addr(), nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, netip.Addr{}, err
}

// converse asks for a page on a connection.
func (c *Client) converse(ctx context.Context, conn net.Conn, t target) (page, error) {
	if t.scheme == "https" {
		secure, err := c.secure(ctx, conn, t)
		if err != nil {
			return page{}, err
		}
		conn = secure
	}
	if _, err := io.WriteString(conn, t.request()); err != nil {
		return page{}, err
	}
	limit := &io.LimitedReader{R: conn, N: maxHeader}
	resp, err := readResponse(bufio.NewReader(limit))
	if err != nil {
		if limit.N <= 0 {
			err = fmt.Errorf("%w: header longer than %d bytes", ErrReply, maxHeader)
		}
		return page{}, err
	}
	// The body is never closed: that would read the rest of it.
	if location := resp.Header.Get("Location"); location != "" && isRedirect(resp.StatusCode) {
		return page{location: location}, nil
	}
	limit.N += 2 * maxReply // with what chunks cost
	body, err := readBody(resp)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError(resp.StatusCode, body)
	}
	return page{body: body}, err
}

// secure agrees on TLS with the host of t.
func (c *Client) secure(ctx context.Context, conn net.Conn, t target) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTime, errConnect)
	defer cancel()
	name, _, _ := strings.Cut(t.host, "%")
	secure := tls.Client(conn, &tls.Config{ServerName: strings.TrimSuffix(name, "."), RootCAs: c.cfg.RootCAs, MinVersion: tls.VersionTLS12})
	err := secure.HandshakeContext(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("TLS: %.200s", shown(err.Error()))
	}
	return secure, nil
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

// request is what is sent.
func (t target) request() string {
	host := t.hostPort()
	if zone := strings.IndexByte(host, '%'); zone >= 0 { // is of no interest elsewhere
		host = host[:zone] + host[strings.IndexByte(host, ']'):]
	}
	return "GET " + t.data + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + userAgent +
		"\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// readResponse reads up to the body of the answer.
func readResponse(r *bufio.Reader) (*http.Response, error) {
	for range maxInterim {
		resp, err := http.ReadResponse(r, nil)
		var network net.Error
		switch {
		case err == nil && resp.StatusCode >= 200:
			return resp, nil
		case err == nil: // another follows
		case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("no answer: %w", err)
		default:
			return nil, fmt.Errorf("%w: not HTTP", ErrReply)
		}
	}
	return nil, fmt.Errorf("%w: too many of status 1xx", ErrReply)
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

var errTooLong = fmt.Errorf("%w: longer than %d bytes", ErrReply, maxReply)

// statusError is what an answer with a status other than 200 says: what is wrong,
// in the way of trackers, or the status alone.
func statusError(status int, body []byte) error {
	var refused *Refusal
	if err := httpFailure(body); errors.As(err, &refused) {
		return err
	}
	return &Refusal{fmt.Sprintf("HTTP status %d %s", status, http.StatusText(status))}
}
