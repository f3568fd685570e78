//go:build linux

package state

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/durable"
)

// maxAddresses bounds the members whose addresses are remembered.
const maxAddresses = 1000

// Addresses remembers where the members of a drive were reached, so that a restart
// finds them without a tracker. After OpenAddresses it is for one goroutine at a
// time.
type Addresses struct {
	path  string
	log   *slog.Logger
	known map[catalog.Key]netip.AddrPort
}

// OpenAddresses reads the file at path: a key and an address a line.
func OpenAddresses(path string, log *slog.Logger) (*Addresses, error) {
	f := &Addresses{path: path, log: log, known: map[catalog.Key]netip.AddrPort{}}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(data)) {
		k, a, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, err1 := catalog.ParseKey(k)
		addr, err2 := netip.ParseAddrPort(a)
		if err1 == nil && err2 == nil && len(f.known) < maxAddresses {
			f.known[key] = addr
		}
	}
	return f, nil
}

// Addrs are the addresses remembered.
func (f *Addresses) Addrs() (out []netip.AddrPort) {
	for _, a := range f.known {
		out = append(out, a)
	}
	return out
}

// Remember notes where members were reached. Those who were not of late stay.
func (f *Addresses) Remember(list []book.Peer) {
	changed := false
	for _, p := range list {
		k := catalog.Key(p.Owner)
		if old, ok := f.known[k]; old != p.Addr && (ok || len(f.known) < maxAddresses) {
			f.known[k], changed = p.Addr, true
		}
	}
	if !changed {
		return
	}
	var b strings.Builder
	for k, a := range f.known {
		fmt.Fprintf(&b, "%v %v\n", k, a)
	}
	if err := durable.WriteFile(f.path, []byte(b.String()), 0o600); err != nil {
		f.log.Warn("members' addresses not remembered", "err", err)
	}
}
