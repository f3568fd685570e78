//go:build linux

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"

	"p2pfs/swarm/catalog"
)

// maxMet bounds the members whose addresses are remembered.
const maxMet = 1000

// met remembers where members were reached, so that a restart finds them
// without a tracker. Safe for concurrent use.
type met struct {
	path string
	log  *slog.Logger

	mu    sync.Mutex // guards known and the file
	known map[catalog.Key]netip.AddrPort
}

// openMet reads the file at path: a key and an address a line.
func openMet(path string, log *slog.Logger) (*met, error) {
	m := &met{path: path, log: log, known: map[catalog.Key]netip.AddrPort{}}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		k, a, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, err1 := catalog.ParseKey(k)
		addr, err2 := netip.ParseAddrPort(a)
		if err1 == nil && err2 == nil && len(m.known) < maxMet {
			m.known[key] = addr
		}
	}
	return m, nil
}

// addrs are the addresses remembered.
func (m *met) addrs() (out []netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.known {
		out = append(out, a)
	}
	return out
}

// note remembers where a member was reached.
func (m *met) note(k catalog.Key, a netip.AddrPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[k] == a || len(m.known) >= maxMet && !m.known[k].IsValid() {
		return
	}
	m.known[k] = a
	var b strings.Builder
	for k, a := range m.known {
		fmt.Fprintf(&b, "%v %v\n", k, a)
	}
	if err := replaceFile(m.path, []byte(b.String())); err != nil {
		m.log.Warn("member's address not remembered", "err", err)
	}
}

// lonely reports whether no other member is connected.
func (m *member) lonely() bool {
	for _, who := range m.drive.Load().Members() {
		if who.Connected && !who.Self {
			return false
		}
	}
	return true
}
