package swarm

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/tracker/trackertest"
)

// httpTracker starts a tracker over HTTP and returns its URL.
func httpTracker(t *testing.T) (*trackertest.HTTP, string) {
	t.Helper()
	tr := trackertest.NewHTTP(t)
	return tr, tr.Listen(t, "127.0.0.1:0")
}

// events are the events that a tracker over HTTP heard, in order.
func events(tr *trackertest.HTTP) string {
	var out []string
	for _, r := range tr.Requests() {
		out = append(out, r.Query.Get("event"))
	}
	return strings.Join(out, " ")
}

// onLoop is an event that runs a test's function.
type onLoop func(*loop)

func (f onLoop) apply(l *loop) { f(l) }

// listed is how many trackers list a torrent.
func listed(tor *Torrent) int {
	n := make(chan int, 1)
	tor.post(onLoop(func(l *loop) { n <- len(l.find.announce.of[0].Farewells(false)) }))
	return <-n
}

// TestOneOfEachTier: a torrent whose peers nobody waits for is announced to the
// caller's trackers and to one of each tier of its own; that one hears it stop.
func TestOneOfEachTier(t *testing.T) {
	t.Parallel()
	payload := randomBytes(100_000)
	v1, _ := torrents(t, payload, 64<<10)
	refusing, refusingURL := httpTracker(t)
	refusing.Script(func(trackertest.HTTPRequest) trackertest.HTTPReply {
		return trackertest.HTTPReply{Body: []byte("d14:failure reason2:noe")}
	})
	var all []*trackertest.HTTP
	var urls []string
	for range 5 {
		tr, url := httpTracker(t)
		all, urls = append(all, tr), append(urls, url)
	}
	meta := *v1
	meta.Trackers = [][]string{{refusingURL, urls[2]}, {urls[3], urls[4]}}
	tor := add(t, client(t, swarmtest.Host().String()), Spec{MetaInfo: &meta, Storage: full(v1.Info, payload).open, Trackers: urls[:2]})
	eventually(t, "four tiers are announced to", func() bool { return listed(tor) == 4 })
	if n := len(all[3].Requests()) + len(all[4].Requests()); n != 1 {
		t.Errorf("of the last tier %d were asked", n)
	}
	tor.Close()
	for i, tr := range all {
		if got := events(tr); got != "started stopped" && (i < 3 || got != "") {
			t.Errorf("tracker %d heard %q", i, got)
		}
		if rs := tr.Requests(); len(rs) > 0 && rs[0].Query.Get("left") != "0" {
			t.Errorf("a seed announced left=%s", rs[0].Query.Get("left"))
		}
	}
	if got := events(refusing); strings.Contains(got, "stopped") {
		t.Errorf("who refused heard %q", got)
	}
}

// TestDeadTrackersDelayNobody: a reader finds its peer through the only tracker
// that is alive, whatever stands before it, at once.
func TestDeadTrackersDelayNobody(t *testing.T) {
	t.Parallel()
	payload := randomBytes(100_000)
	v1, _ := torrents(t, payload, 64<<10)
	silent := trackertest.New(t)
	silent.Script(func(trackertest.Request) trackertest.Reply { return trackertest.Reply{Drop: true} })
	hanging, hangingURL := httpTracker(t)
	hanging.Script(func(trackertest.HTTPRequest) trackertest.HTTPReply { return trackertest.HTTPReply{Hang: true} })
	alive, aliveURL := httpTracker(t)
	dead := fmt.Sprintf("http://127.0.0.1:%d/announce", trackertest.FreePort(t, "127.0.0.1"))
	urls := []string{silent.URL(), hangingURL, dead, aliveURL}

	seeder := client(t, swarmtest.Host().String())
	add(t, seeder, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open, Trackers: []string{aliveURL}})
	eventually(t, "the seeder announces", func() bool { return len(alive.Requests()) > 0 })
	for name, spec := range map[string]Spec{
		"one tier":    {MetaInfo: &metainfo.MetaInfo{Info: v1.Info, Trackers: [][]string{urls}}},
		"many tiers":  {MetaInfo: &metainfo.MetaInfo{Info: v1.Info, Trackers: apart(urls)}},
		"given":       {MetaInfo: v1, Trackers: urls},
		"over a need": {MetaInfo: v1, Trackers: urls, Announce: OnNeed},
	} {
		spec.Storage = (&memory{}).open
		c := client(t, swarmtest.Host().String())
		tor, began := add(t, c, spec), time.Now()
		check(t, tor, payload)
		most := time.Second
		if spec.Announce == OnNeed {
			most += needAfter
		}
		if d := time.Since(began); d > most+8*time.Second { // a busy machine's
			t.Errorf("%s: a read took %v", name, d)
		}
		began = time.Now()
		c.Close()
		if d := time.Since(began); d > stopWithin+8*time.Second {
			t.Errorf("%s: closing took %v", name, d)
		}
	}
}

// TestDownloadAsksAllAfterAWhile: nobody reads, but all is to be fetched.
func TestDownloadAsksAllAfterAWhile(t *testing.T) {
	t.Parallel()
	payload := randomBytes(100_000)
	v1, _ := torrents(t, payload, 64<<10)
	_, empty := httpTracker(t)
	alive, aliveURL := httpTracker(t)
	seeder := client(t, swarmtest.Host().String())
	add(t, seeder, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open, Trackers: []string{aliveURL}})
	eventually(t, "the seeder announces", func() bool { return len(alive.Requests()) > 0 })
	tor := add(t, client(t, swarmtest.Host().String()), Spec{
		MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Trackers: []string{empty, aliveURL},
	})
	if err := tor.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
}

// TestCompletedBeforeStopped: a download that is closed as soon as it is whole
// has told both, in that order.
func TestCompletedBeforeStopped(t *testing.T) {
	t.Parallel()
	payload := randomBytes(100_000)
	v1, _ := torrents(t, payload, 64<<10)
	tr, url := httpTracker(t)
	add(t, client(t, swarmtest.Host().String()), Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open, Trackers: []string{url}})
	eventually(t, "the seeder announces", func() bool { return len(tr.Requests()) > 0 })
	for range 5 {
		c := client(t, swarmtest.Host().String())
		tor := add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Trackers: []string{url}})
		if err := tor.Wait(soon(t)); err != nil {
			t.Fatal(err)
		}
		c.Close()
		var got []string
		for _, r := range tr.Requests() {
			if r.From == c.Addr().Addr() {
				got = append(got, r.Query.Get("event"))
			}
		}
		got = slices.Compact(got) // `completed` may have been under way
		if s := strings.Join(got, " "); s != "started completed stopped" {
			t.Errorf("the tracker heard %q", s)
		}
	}
}

// TestOpentrackerOverHTTP: libtorrent finds us through a real tracker over HTTP,
// and we it, in v1 and v2.
func TestOpentrackerOverHTTP(t *testing.T) {
	tr := swarmtest.Opentracker(t)
	url := strings.Replace(tr.URL, "udp", "http", 1)
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2} {
		t.Run(string(kind), func(t *testing.T) {
			build := func(name string) (tor *swarmtest.Torrent, file string) {
				tor = swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: name, Trackers: []string{url}, Files: []swarmtest.File{
					{Path: name, Data: swarmtest.Bytes(uint64(len(name)), 300_000)},
				}})
				tr.Allow(t, tor.InfoHash())
				return tor, tor.WriteTorrent(t, t.TempDir())
			}
			theirs, file := build("theirs " + string(kind))
			dir := t.TempDir()
			theirs.WritePayload(t, dir)
			swarmtest.LibtorrentSeed(t, swarmtest.Run{Torrent: file, Dir: dir})
			magnet := theirs.Meta.Magnet()
			c := client(t, swarmtest.Host().String())
			got := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Everything: true, Peers: []netip.AddrPort{}})
			if err := got.Wait(soon(t)); err != nil {
				t.Fatalf("%v; %+v", err, got.Stats())
			}

			ours, file := build("ours " + string(kind))
			store := &memory{pieces: map[int][]byte{}}
			for i := range ours.Info.Pieces.Count() {
				store.pieces[i] = ours.Piece(i)
			}
			add(t, c, Spec{MetaInfo: ours.Meta, Storage: store.open})
			tr.WaitSeeders(t, ours.InfoHash(), 1, 10*time.Second)
			leech := swarmtest.LibtorrentLeech(t, swarmtest.Run{Torrent: file})
			leech.WaitWhole(t, 30*time.Second)
			ours.CheckPayload(t, leech.Dir)
		})
	}
}
