package lsd

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

const (
	// Port is the UDP port of both groups.
	Port = 6771
	// maxPacket bounds a datagram, sent and received (BEP 14).
	maxPacket = 1400
	// maxInfoHashes is how many infohashes fit into one.
	maxInfoHashes = 25
	// maxCookie bounds the cookie of others.
	maxCookie = 64
)

// The groups that are announced to (BEP 14).
var (
	group4 = netip.AddrPortFrom(netip.MustParseAddr("239.192.152.143"), Port)
	group6 = netip.AddrPortFrom(netip.MustParseAddr("ff15::efc0:988f"), Port)
)

// firstLine begins an announce.
const firstLine = "BT-SEARCH * HTTP/1.1"

// Reasons for which a datagram is dropped.
var (
	errTooLong  = errors.New("longer than 1400 bytes")
	errNotOurs  = errors.New("does not begin with BT-SEARCH")
	errHeader   = errors.New("malformed header")
	errPort     = errors.New("no port, or not one between 1 and 65535")
	errInfoHash = errors.New("no infohash, too many, or a malformed one")
	errEnd      = errors.New("does not end with an empty line")
)

// message is one announce.
type message struct {
	port       uint16
	infoHashes [][20]byte
	cookie     string // "": none
}

// parse reads a datagram. Headers may come in any order and any case, unknown
// ones are skipped (BEP 14); what is known must be there once, but for the
// infohash, and well-formed.
func parse(p []byte) (m message, err error) {
	if len(p) > maxPacket {
		return m, errTooLong
	}
	head, rest, ok := strings.Cut(string(p), "\r\n")
	if head != firstLine {
		return m, errNotOurs
	}
	for line := ""; ok; {
		line, rest, ok = strings.Cut(rest, "\r\n")
		switch {
		case !ok:
		case line == "":
			return m, m.check(rest)
		default:
			if err := m.header(line); err != nil {
				return message{}, err
			}
		}
	}
	return message{}, errEnd
}

// check says whether the headers together make an announce, and whether
// nothing but empty lines stands behind them.
func (m *message) check(rest string) (err error) {
	switch {
	case m.port == 0:
		err = errPort
	case len(m.infoHashes) == 0:
		err = errInfoHash
	case strings.Trim(rest, "\r\n") != "":
		err = errEnd
	}
	if err != nil {
		*m = message{}
	}
	return err
}

// header takes in one line.
func (m *message) header(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsFunc(line, control) {
		return errHeader
	}
	value = strings.Trim(value, " \t")
	switch strings.ToLower(name) {
	case "port":
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil || port == 0 || m.port != 0 {
			return errPort
		}
		m.port = uint16(port)
	case "infohash":
		var h [20]byte
		if n, err := hex.Decode(h[:], []byte(value[:min(len(value), 40)])); err != nil || n != len(h) || len(value) != 40 ||
			len(m.infoHashes) == maxInfoHashes {
			return errInfoHash
		}
		m.infoHashes = append(m.infoHashes, h)
	case "cookie":
		if m.cookie != "" || len(value) > maxCookie {
			return errHeader
		}
		m.cookie = value
	}
	return nil
}

// control reports whether a rune has no place in a header.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// appendMessage appends an announce to a group.
func appendMessage(dst []byte, group netip.AddrPort, m message) []byte {
	dst = append(dst, firstLine+"\r\nHost: "...)
	dst = group.AppendTo(dst)
	dst = append(dst, "\r\nPort: "...)
	dst = strconv.AppendUint(dst, uint64(m.port), 10)
	for _, h := range m.infoHashes {
		dst = append(dst, "\r\nInfohash: "...)
		dst = hex.AppendEncode(dst, h[:])
	}
	if m.cookie != "" {
		dst = append(append(dst, "\r\ncookie: "...), m.cookie...)
	}
	return append(dst, "\r\n\r\n\r\n"...)
}
