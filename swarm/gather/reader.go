package gather

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"time"

	"p2pfs/swarm/wire"
)

const (
	idleTime    = 150 * time.Second // of silence until we close (BEP 3: keep-alives every two minutes)
	messageTime = 60 * time.Second  // for one message, once it has begun
	// ignoredPerMin is how many messages of other protocols may come a minute.
	ignoredPerMin = 1000
)

// reader reads the messages of one extension off a connection, and skips all
// others. It belongs to one goroutine.
type reader struct {
	net          net.Conn
	in           *bufio.Reader
	most         int  // bytes of a message
	greeting     bool // the handshake is not over: it has one deadline for the whole of it
	ignored      int  // messages of no use since ignoredSince
	ignoredSince time.Time
}

// Read returns the next message of the extension. Errors wrap those of this
// package or are the connection's.
func (r *reader) Read() (body []byte, err error) {
	for {
		ext, body, err := r.extended()
		if err != nil || ext == ourExtID {
			return body, err
		}
		if err := r.Ignore(); err != nil { // a later extended handshake may change nothing for us
			return nil, err
		}
	}
}

// Drain reads until the other side has closed.
func (r *reader) Drain() { io.Copy(io.Discard, r.in) }

// Ignore counts a message that is of no use.
func (r *reader) Ignore() error {
	if now := time.Now(); now.Sub(r.ignoredSince) > time.Minute {
		r.ignoredSince, r.ignored = now, 0
	}
	if r.ignored++; r.ignored > ignoredPerMin {
		return ErrFlood
	}
	return nil
}

// extended returns the next extended message (BEP 10), with its body if that is of
// our extension or an extended handshake.
func (r *reader) extended() (ext byte, body []byte, err error) {
	for {
		id, n, err := r.header()
		if err != nil {
			return 0, nil, err
		}
		if id == wire.MsgExtended && n > 0 {
			if ext, err = r.in.ReadByte(); err != nil {
				return 0, nil, err
			}
			body, err = r.body(ext, n-1)
			return ext, body, err
		}
		if _, err := r.in.Discard(n); err != nil {
			return 0, nil, err
		}
		if err := r.Ignore(); err != nil {
			return 0, nil, err
		}
	}
}

// header reads what stands before a message's payload of n bytes. A keep-alive is
// given out as a message without one. Lengths are refused as soon as they are known
// to be too long.
func (r *reader) header() (id byte, n int, err error) {
	r.deadline(idleTime)
	var prefix [wire.PrefixLen]byte
	if _, err := io.ReadFull(r.in, prefix[:]); err != nil {
		return 0, 0, err
	}
	length := wire.ParsePrefix(prefix[:])
	switch {
	case length == 0:
		return 0, 0, nil
	case length > 1+wire.MaxExtended:
		return 0, 0, fmt.Errorf("%w: %d bytes", ErrTooLong, length)
	}
	r.deadline(messageTime)
	if id, err = r.in.ReadByte(); err != nil {
		return 0, 0, err
	}
	if err := wire.CheckLength(id, length-1, wire.Limits{}); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrTooLong, err)
	}
	return id, int(length - 1), nil
}

func (r *reader) body(ext byte, n int) ([]byte, error) {
	if ext != ourExtID && ext != 0 {
		_, err := r.in.Discard(n)
		return nil, err
	}
	if n > r.most {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLong, n)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r.in, body)
	return body, err
}

func (r *reader) deadline(d time.Duration) {
	if !r.greeting {
		r.net.SetReadDeadline(time.Now().Add(d))
	}
}
