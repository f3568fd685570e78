package state

import (
	"cmp"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"p2pfs/swarm"
	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

const (
	// knownDir is where, below the state directory, the peers are remembered
	// at which a torrent's pieces were found.
	knownDir = "peers"
	// maxKnownFiles bounds the torrents whose peers are remembered: those
	// whose were noted longest ago are forgotten first.
	maxKnownFiles = 1000
	// maxKnownFile bounds what is read of one, in bytes.
	maxKnownFile = 16 << 10
)

// KnownPeers remembers peers in a file a torrent, named by infohash: an address
// a line. It is safe for concurrent use, but for two that write one torrent's.
type KnownPeers struct {
	dir string
	log *slog.Logger
}

// NewKnownPeers returns the peers remembered below that state directory.
func NewKnownPeers(state string, log *slog.Logger) KnownPeers {
	return KnownPeers{filepath.Join(state, knownDir), log}
}

// Into has a torrent dial the peers remembered of it, and remember those that it
// reaches.
func (k KnownPeers) Into(s *swarm.Spec) {
	h := firstHash(*s)
	s.Known = k.Load(h)
	s.Remember = func(peers []netip.AddrPort) {
		if err := k.save(h, peers); err != nil {
			k.log.Warn("peers are not remembered", "infohash", h, "err", err)
		}
	}
}

// firstHash is the infohash that a torrent's peers are remembered under.
func firstHash(s swarm.Spec) metainfo.Hash {
	if s.MetaInfo != nil {
		return s.MetaInfo.Info.InfoHashes()[0]
	}
	return s.Magnet.InfoHashes()[0]
}

func (k KnownPeers) path(h metainfo.Hash) string { return filepath.Join(k.dir, h.String()) }

// Load returns the peers remembered. What is no address is left out.
func (k KnownPeers) Load(h metainfo.Hash) (out []netip.AddrPort) {
	f, err := os.Open(k.path(h))
	if err != nil {
		return nil
	}
	defer f.Close()
	data := make([]byte, maxKnownFile)
	n, _ := f.Read(data)
	for line := range strings.Lines(string(data[:n])) {
		if a, err := netip.ParseAddrPort(strings.TrimSpace(line)); err == nil {
			out = append(out, a)
		}
	}
	return out
}

func (k KnownPeers) save(h metainfo.Hash, peers []netip.AddrPort) error {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return err
	}
	var b strings.Builder
	for _, a := range peers {
		b.WriteString(a.String() + "\n")
	}
	if err := durable.WriteFile(k.path(h), []byte(b.String()), 0o600); err != nil {
		return err
	}
	return k.trim()
}

// trim removes the oldest files beyond maxKnownFiles.
func (k KnownPeers) trim() error {
	entries, err := os.ReadDir(k.dir)
	if err != nil || len(entries) <= maxKnownFiles {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	for _, f := range files[min(len(files), maxKnownFiles):] {
		os.Remove(filepath.Join(k.dir, f.Name()))
	}
	return nil
}

// Forget removes what is remembered of a torrent.
func (k KnownPeers) Forget(h metainfo.Hash) { os.Remove(k.path(h)) }
