package swarm

import (
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

var (
	crowdPeers = flag.Int("crowd.peers", 16, "leechers of BenchmarkCrowd")
	crowdSize  = flag.Int("crowd.size", 64<<20, "bytes of BenchmarkCrowd's torrent")
	crowdRate  = flag.Int("crowd.rate", 2<<20, "bytes per second that BenchmarkCrowd's seeder sends at most")
	crowdPiece = flag.Int64("crowd.piece", 256<<10, "piece length of BenchmarkCrowd's torrent")
)

// crowdBench is one seeder with a limit and leechers that arrive together.
type crowdBench struct {
	b        *testing.B
	payload  []byte
	meta     *metainfo.MetaInfo
	torrent  string // path of the .torrent
	dir      string // of the payload
	leechers []netip.AddrPort
	ours     []*Client // of the leechers
}

// seeded is a Storage of pieces that are part of one payload in memory, which
// any number of leechers share.
type seeded struct {
	memory
	info    *metainfo.Info
	payload []byte
}

func (s *seeded) WritePiece(i int, _ [][]byte) error {
	from := int64(i) * s.info.PieceLength
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces[i] = s.payload[from : from+int64(s.info.Pieces.Size(i))]
	return nil
}

func (s *seeded) open(m *metainfo.MetaInfo) (Storage, error) {
	_, err := s.memory.open(m)
	return s, err
}

func newCrowd(b *testing.B) *crowdBench {
	c := &crowdBench{b: b, payload: randomBytes(*crowdSize), dir: b.TempDir()}
	c.meta, _ = torrents(b, c.payload, *crowdPiece)
	c.torrent = filepath.Join(b.TempDir(), "crowd.torrent")
	if err := os.WriteFile(filepath.Join(c.dir, "payload.bin"), c.payload, 0o600); err != nil {
		b.Fatal(err)
	}
	data, err := c.meta.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(c.torrent, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return c
}

// leech starts our leechers and returns what waits for all of them. Each is
// told of those before it.
func (c *crowdBench) leech() (wait func()) {
	var all []*Torrent
	for range *crowdPeers {
		client := client(c.b, swarmtest.Host().String())
		s := &seeded{info: c.meta.Info, payload: c.payload}
		all = append(all, add(c.b, client, Spec{MetaInfo: c.meta, Storage: s.open, Everything: true, Peers: c.leechers}))
		c.leechers = append(c.leechers, client.Addr())
		c.ours = append(c.ours, client)
	}
	return func() {
		for _, t := range all {
			if err := t.Wait(c.b.Context()); err != nil {
				c.b.Error(err)
			}
		}
	}
}

// libtorrents starts libtorrent leechers.
func (c *crowdBench) libtorrents() (wait func()) {
	var all []*swarmtest.Client
	for range *crowdPeers {
		l := swarmtest.LibtorrentLeech(c.b, swarmtest.Run{Torrent: c.torrent, Peers: c.leechers})
		all = append(all, l)
		c.leechers = append(c.leechers, l.Addr)
	}
	return func() {
		for _, l := range all {
			l.WaitWhole(c.b, 10*time.Minute)
		}
	}
}

// listening waits until all leechers take connections.
func (c *crowdBench) listening() {
	for _, l := range c.leechers {
		within(c.b, time.Minute, "they listen", func() bool {
			conn, err := net.DialTimeout("tcp", l.String(), time.Second)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
}

// seed starts our seeder, which dials the leechers.
func (c *crowdBench) seed() (sent func() int64) {
	client, err := New(Config{Listen: swarmtest.Host().String() + ":0", UploadLimit: int64(*crowdRate)})
	if err != nil {
		c.b.Fatal(err)
	}
	c.b.Cleanup(func() { client.Close() })
	add(c.b, client, Spec{MetaInfo: c.meta, Storage: full(c.meta.Info, c.payload).open, Peers: c.leechers})
	return func() int64 { _, n := client.Transferred(); return n }
}

func (c *crowdBench) libtorrentSeed() (sent func() int64) {
	swarmtest.LibtorrentSeed(c.b, swarmtest.Run{
		Torrent: c.torrent, Dir: c.dir, Peers: c.leechers,
		Settings: map[string]any{"seed_mode": true, "upload_rate_limit": *crowdRate},
	})
	if c.ours == nil {
		return nil
	}
	return func() (sent int64) { // what no leecher has sent is from the seeder
		for _, l := range c.ours {
			in, out := l.Transferred()
			sent += in - out
		}
		return sent
	}
}

// BenchmarkCrowd lets 16 leechers that arrived together fetch 64 MiB from one
// seeder that sends 2 MiB/s: ours, libtorrent's, and one with the other's
// seeder. "ideal" is the time until the last has all, over that which the
// seeder needs to send everything once; "copies-sent" what the seeder sent, in copies of
// the payload.
func BenchmarkCrowd(b *testing.B) {
	for _, c := range []struct {
		name  string
		leech func(*crowdBench) func()
		seed  func(*crowdBench) func() int64
	}{
		{"p2pfs", (*crowdBench).leech, (*crowdBench).seed},
		{"libtorrent", (*crowdBench).libtorrents, (*crowdBench).libtorrentSeed},
		{"p2pfs-from-libtorrent", (*crowdBench).leech, (*crowdBench).libtorrentSeed},
		{"libtorrent-from-p2pfs", (*crowdBench).libtorrents, (*crowdBench).seed},
	} {
		b.Run(fmt.Sprintf("%s/%dK", c.name, *crowdPiece>>10), func(b *testing.B) {
			ideal := float64(*crowdSize) / float64(*crowdRate)
			var took, copies float64
			for range b.N {
				all := newCrowd(b)
				wait := c.leech(all)
				all.listening()
				sent := c.seed(all)
				began := time.Now()
				wait()
				took += time.Since(began).Seconds()
				if sent != nil {
					copies += float64(sent()) / float64(*crowdSize)
				}
			}
			b.ReportMetric(took/float64(b.N)/ideal, "x-ideal")
			if copies > 0 {
				b.ReportMetric(copies/float64(b.N), "copies-sent")
			}
		})
	}
}
