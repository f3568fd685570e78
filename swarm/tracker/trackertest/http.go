package trackertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// An HTTPRequest is a request that came in over HTTP.
type HTTPRequest struct {
	From     netip.Addr // not valid if the connection does not tell
	Raw      string     // up to the empty line
	Path     string
	Query    url.Values
	InfoHash [][20]byte
}

// An HTTPReply says how to answer. The zero one is the ordinary answer.
type HTTPReply struct {
	// Drop closes the connection, Hang leaves it open, without an answer.
	Drop, Hang bool
	Delay      time.Duration // before the answer
	// Status and Header, if set, replace 200 and nothing, Body the ordinary one.
	Status int
	Header []string // lines without their end
	Body   []byte
	// More stands in front of the ordinary answer's keys.
	More string
	// Write, if not nil, writes all of the answer.
	Write func(w io.Writer)
}

// HTTP is a scripted tracker over HTTP (BEP 3, 23, 7 and 48). Without a script it
// is an ordinary one. It understands just enough HTTP for that: one request a
// connection. All methods may be called from anywhere at once.
type HTTP struct {
	busy   sync.WaitGroup
	closed chan struct{}

	mu        sync.Mutex // guards what follows
	script    func(HTTPRequest) HTTPReply
	seen      []HTTPRequest
	peers     map[[20]byte][]known
	done      map[[20]byte]int // how often completed
	conns     map[net.Conn]bool
	listeners []net.Listener
}

// NewHTTP starts a tracker, listening nowhere yet, that ends with the test.
func NewHTTP(tb testing.TB) *HTTP {
	t := &HTTP{
		closed: make(chan struct{}), peers: map[[20]byte][]known{}, done: map[[20]byte]int{}, conns: map[net.Conn]bool{},
	}
	tb.Cleanup(t.Close)
	return t
}

// Listen serves on a TCP address and returns the announce URL.
func (t *HTTP) Listen(tb testing.TB, address string) string {
	tb.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	t.mu.Lock()
	t.listeners = append(t.listeners, l)
	t.mu.Unlock()
	t.busy.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.busy.Go(func() { t.Serve(conn) })
		}
	})
	return "http://" + l.Addr().String() + "/announce"
}

// Close ends the tracker and returns when no goroutine of its own is left.
func (t *HTTP) Close() {
	t.mu.Lock()
	select {
	case <-t.closed:
	default:
		close(t.closed)
	}
	for _, l := range t.listeners {
		l.Close()
	}
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	t.busy.Wait()
}

// Script sets what decides about each request from now on.
func (t *HTTP) Script(f func(HTTPRequest) HTTPReply) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script = f
}

// Requests returns what came in until now.
func (t *HTTP) Requests() []HTTPRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.seen)
}

// Serve answers the one request of a connection and closes it.
func (t *HTTP) Serve(conn net.Conn) {
	defer conn.Close()
	t.mu.Lock()
	t.conns[conn] = true
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.conns, conn)
		t.mu.Unlock()
	}()
	r, err := readRequest(conn)
	if err != nil {
		return
	}
	t.mu.Lock()
	script := t.script
	t.seen = append(t.seen, r)
	t.mu.Unlock()
	var reply HTTPReply
	if script != nil {
		reply = script(r)
	}
	t.answer(conn, r, reply)
}

func (t *HTTP) answer(conn net.Conn, r HTTPRequest, reply HTTPReply) {
	if reply.Delay > 0 {
		timer := time.NewTimer(reply.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-t.closed:
			return
		}
	}
	switch {
	case reply.Drop:
		return
	case reply.Hang:
		io.Copy(io.Discard, conn) // until the other side closes
		return
	case reply.Write != nil:
		reply.Write(conn)
		return
	}
	body := reply.Body
	if body == nil {
		body = t.ordinary(r, reply.More)
	}
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	head := fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Length: %d\r\n", status, len(body))
	for _, line := range reply.Header {
		head += line + "\r\n"
	}
	conn.Write(append([]byte(head+"\r\n"), body...))
}

func readRequest(conn net.Conn) (HTTPRequest, error) {
	r := HTTPRequest{}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		r.From = a.AddrPort().Addr().Unmap()
	}
	for br := bufio.NewReader(conn); !strings.HasSuffix(r.Raw, "\r\n\r\n"); {
		line, err := br.ReadString('\n')
		if err != nil {
			return r, err
		}
		r.Raw += line
	}
	words := strings.Split(strings.TrimSuffix(r.Raw[:strings.IndexByte(r.Raw, '\n')], "\r"), " ")
	if len(words) != 3 || words[0] != "GET" {
		return r, errors.New("not a GET request")
	}
	path, query, _ := strings.Cut(words[1], "?")
	var err error
	if r.Query, err = url.ParseQuery(query); err != nil {
		return r, err
	}
	r.Path = path
	for _, h := range r.Query["info_hash"] {
		if len(h) != 20 {
			return r, fmt.Errorf("infohash of %d bytes", len(h))
		}
		r.InfoHash = append(r.InfoHash, [20]byte([]byte(h)))
	}
	return r, nil
}

// ordinary is what an ordinary tracker answers.
func (t *HTTP) ordinary(r HTTPRequest, more string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if strings.Contains(r.Path, "scrape") {
		out := "d5:filesd"
		for _, h := range slices.SortedFunc(slices.Values(r.InfoHash), func(a, b [20]byte) int { return strings.Compare(string(a[:]), string(b[:])) }) {
			seeds, leechers := t.count(h)
			out += fmt.Sprintf("20:%sd8:completei%de10:downloadedi%de10:incompletei%dee", h[:], seeds, t.done[h], leechers)
		}
		return []byte(out + "ee")
	}
	if len(r.InfoHash) != 1 {
		return []byte("d14:failure reason14:which torrent?e")
	}
	h := r.InfoHash[0]
	port, _ := strconv.ParseUint(r.Query.Get("port"), 10, 16)
	self := known{at: netip.AddrPortFrom(r.From, uint16(port)), seed: r.Query.Get("left") == "0"}
	t.peers[h] = slices.DeleteFunc(t.peers[h], func(k known) bool { return k.at == self.at })
	switch r.Query.Get("event") {
	case "completed":
		t.done[h]++
		fallthrough
	default:
		if r.From.IsValid() {
			t.peers[h] = append(t.peers[h], self)
		}
	case "stopped":
	}
	var v4, v6 []byte
	for _, k := range t.peers[h] {
		if k.at.Addr().Is4() {
			v4 = AppendPeer(v4, k.at)
		} else {
			v6 = AppendPeer(v6, k.at)
		}
	}
	seeds, leechers := t.count(h)
	out := fmt.Appendf(nil, "d%s8:completei%de10:incompletei%de8:intervali1800e5:peers%d:%s", more, seeds, leechers, len(v4), v4)
	if len(v6) > 0 {
		out = fmt.Appendf(out, "6:peers6%d:%s", len(v6), v6)
	}
	return append(out, 'e')
}

// count counts a torrent's peers. The caller holds mu.
func (t *HTTP) count(h [20]byte) (seeds, leechers int) {
	for _, k := range t.peers[h] {
		if k.seed {
			seeds++
		} else {
			leechers++
		}
	}
	return seeds, leechers
}
