package swarmtest

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
)

// patience is how long a real client may take; Transmission needs most.
const patience = 60 * time.Second

// ground is a tracker and a torrent on it, with its payload in dir.
type ground struct {
	tracker          *Tracker
	tor              *Torrent
	dir, torrentFile string
}

func newGround(t *testing.T, kind Kind) *ground {
	t.Helper()
	g := &ground{tracker: Opentracker(t), dir: scratch(t)}
	g.tor = Make(t, Spec{
		Kind: kind, Name: "payload", Single: true, Trackers: []string{g.tracker.URL},
		Files: []File{{Data: Bytes(uint64(len(t.Name())), 1_500_000)}},
	})
	for _, h := range g.tor.Info.InfoHashes() {
		g.tracker.Allow(t, h)
	}
	g.tor.WritePayload(t, g.dir)
	g.torrentFile = g.tor.WriteTorrent(t, scratch(t))
	return g
}

// seed is what a seeder is to do.
func (g *ground) seed() Run { return Run{Torrent: g.torrentFile, Dir: g.dir} }

func (g *ground) fetch(t *testing.T, leech func(testing.TB, Run) *Client, what string) {
	t.Helper()
	c := leech(t, Run{Torrent: what})
	c.WaitWhole(t, patience)
	g.tor.CheckPayload(t, c.Dir)
}

func TestClientsFetchFromOneAnother(t *testing.T) {
	type start = func(testing.TB, Run) *Client
	seeders := map[string]start{"libtorrent": LibtorrentSeed, "aria2": Aria2Seed, "rtorrent": RtorrentSeed}
	leechers := map[string]start{"libtorrent": LibtorrentLeech, "aria2": Aria2Leech, "rtorrent": RtorrentLeech}
	for from, seed := range seeders {
		for to, leech := range leechers {
			if from == "rtorrent" && to == "aria2" {
				continue // rtorrent closes on aria2's late bitfield, always
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				g := newGround(t, V1)
				seed(t, g.seed())
				g.tracker.WaitSeeders(t, g.tor.InfoHash(), 1, patience)
				g.fetch(t, leech, g.torrentFile)
			})
		}
	}
}

func TestLibtorrentFetchesAllKinds(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g := newGround(t, kind)
			LibtorrentSeed(t, g.seed())
			g.fetch(t, LibtorrentLeech, g.torrentFile)
			g.fetch(t, LibtorrentLeech, g.tor.Magnet())
		})
	}
}

func TestTransmissionIsDialledAndServes(t *testing.T) {
	t.Parallel()
	g := newGround(t, V1)
	addr := netip.AddrPortFrom(Host(), 0)
	addr = netip.AddrPortFrom(addr.Addr(), FreePorts(t, addr.Addr(), 2))
	run := g.seed()
	run.Peers = []netip.AddrPort{addr}
	seeder := LibtorrentSeed(t, run)
	c := TransmissionLeech(t, Run{Torrent: g.torrentFile, Addr: addr})
	c.WaitWhole(t, patience)
	g.tor.CheckPayload(t, c.Dir)
	seeder.Stop()
	g.fetch(t, LibtorrentLeech, g.torrentFile)
}

func TestTransmissionSeeds(t *testing.T) {
	t.Parallel()
	g := newGround(t, V1)
	c := TransmissionSeed(t, g.seed())
	conn := Dial(t, Host(), c.Addr)
	conn.Timeout = patience // it looks whom to unchoke each 10 s
	if good, err := Leech(t.Context(), conn, g.tor); err != nil {
		t.Errorf("%d blocks, %v", good, err)
	}
}

// TestHonestSeederServesLibtorrent is the check of our own scripted seeder
// against the reference.
func TestHonestSeederServesLibtorrent(t *testing.T) {
	for _, kind := range Kinds {
		for _, form := range []string{"torrent", "magnet"} {
			t.Run(string(kind)+" "+form, func(t *testing.T) {
				t.Parallel()
				tor := Make(t, Spec{Kind: kind, Name: "many", Files: someFiles()})
				p := Serve(t, Honest(tor))
				what := tor.Magnet()
				if form == "torrent" {
					what = tor.WriteTorrent(t, scratch(t))
				}
				c := LibtorrentLeech(t, Run{Torrent: what, Peers: []netip.AddrPort{p.Addr}})
				c.WaitWhole(t, patience)
				tor.CheckPayload(t, c.Dir)
			})
		}
	}
}

func TestLeechFromLibtorrent(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			tor := MakeFile(t, kind, "payload", 1_500_000, 64<<10)
			dir := scratch(t)
			tor.WritePayload(t, dir)
			c := LibtorrentSeed(t, Run{Torrent: tor.WriteTorrent(t, dir), Dir: dir, Settings: map[string]any{"seed_mode": true}})
			good, err := Leech(t.Context(), Dial(t, Host(), c.Addr), tor)
			for tries := 0; good == 0 && errors.Is(err, io.EOF) && tries < 5; tries++ {
				// It listens before the torrent is in it.
				good, err = Leech(t.Context(), Dial(t, Host(), c.Addr), tor)
			}
			if err != nil {
				t.Errorf("%d blocks, %v", good, err)
			}
		})
	}
}

func TestMakersAgree(t *testing.T) {
	dir := scratch(t)
	tor := MakeFile(t, V1, "payload", 300_000, 64<<10)
	tor.WritePayload(t, dir)
	path := filepath.Join(dir, "payload")
	if got := readTorrent(t, Mktorrent(t, path, 16, "")); got.Info.HashV1 != tor.Info.HashV1 {
		t.Errorf("mktorrent: infohash %v, want %v", got.Info.HashV1, tor.Info.HashV1)
	}
	for _, kind := range Kinds {
		tor := MakeFile(t, kind, "payload", 300_000, 64<<10)
		tor.WritePayload(t, dir)
		file, magnet := LibtorrentMake(t, kind, path, 64<<10)
		got := readTorrent(t, file)
		if got.Info.HashV1 != tor.Info.HashV1 || got.Info.HashV2 != tor.Info.HashV2 {
			t.Errorf("%s: libtorrent's infohashes %v %v, want %v %v", kind,
				got.Info.HashV1, got.Info.HashV2, tor.Info.HashV1, tor.Info.HashV2)
		}
		if m, err := metainfo.ParseMagnet(magnet); err != nil || m.V1 != tor.Info.HashV1 || m.V2 != tor.Info.HashV2 {
			t.Errorf("%s: magnet %q: %v", kind, magnet, err)
		}
	}
}

func TestOpentracker(t *testing.T) {
	known, unknown := [20]byte{1}, [20]byte{2}
	tr := Opentracker(t, known)
	if err := serves(tr.URL, unknown); err == nil {
		t.Error("an infohash that is not in its list is served")
	}
	tr.Allow(t, unknown)
	if s, err := Scrape(tr.URL, known); err != nil || s != (Swarm{}) {
		t.Errorf("got %+v, %v, want an empty swarm", s, err)
	}
}

func readTorrent(t *testing.T, path string) *metainfo.MetaInfo {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := metainfo.Parse(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}
