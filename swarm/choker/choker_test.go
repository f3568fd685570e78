package choker

import (
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"
)

// start is a time that is not zero.
var start = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

func newChoker(cfg Config, seed int64) *Choker {
	return New(cfg, rand.New(rand.NewSource(seed)))
}

// fixed is a Config of n slots that never change.
func fixed(n int) Config { return Config{StartSlots: n, MinSlots: n, MaxSlots: n} }

// swarm draws peers, one a column. state: 'i' interested, 'U' the same and
// unchoked by us, '.' not interested, 'u' the same and
// unchoked, 's' snubbed and interested, 'o' upload only, 'e' exempt and
// interested, 'x' exempt and not. down and up are digits in KiB/s.
func swarm(now time.Time, state, down, up string) []Peer {
	const unchokedFor = 15 * time.Second
	rate := func(s string, i int) float64 {
		if i < len(s) && s[i] != ' ' {
			return float64(s[i]-'0') * 1024
		}
		return 0
	}
	var peers []Peer
	for i, r := range state {
		p := Peer{ID: i + 100, Choked: true, ConnectedAt: now.Add(-time.Hour), Down: rate(down, i), Up: rate(up, i)}
		p.Interested = strings.ContainsRune("iUsoe", r)
		p.Snubbed = r == 's'
		p.UploadOnly = r == 'o'
		p.Exempt = r == 'e' || r == 'x'
		if r == 'U' || r == 'u' {
			p.Choked, p.UnchokedAt, p.SentSinceUnchoke = false, now.Add(-unchokedFor), 1<<20
		}
		peers = append(peers, p)
	}
	return peers
}

// picture shows which peers of a drawn swarm are in ids.
func picture(peers []Peer, ids []int) string {
	b := []byte(strings.Repeat(" ", len(peers)))
	for i := range peers {
		if slices.Contains(ids, peers[i].ID) {
			b[i] = '*'
		}
	}
	return string(b)
}

func TestRoundByMerit(t *testing.T) {
	tests := []struct {
		name, state, down string
		slots             int
		want              string // '?': one of these, by chance
	}{
		{"the fastest, and one by chance", "iiiiii", "915273", 4, "*?*?*?"},
		{"all while slots are free", "iii.", "", 8, "*** "},
		{"nobody", "", "", 8, ""},
		{"nobody interested", "....", "", 8, "    "},
		{"a slower one that wants nothing", "iiii.", "98765", 4, "**** "},
		{"a faster one that wants nothing yet", "iiii.", "76549", 4, "*****"},
		{"a sender that wants nothing yet while slots are free", "i..", "010", 4, "** "},
		{"upload only gets no slot", "ooii", "99", 4, "  **"},
		{"snubbed ones by chance only", "ssiiii", "99", 5, "??****"},
		{"snubbed ones while slots are free", "ssi", "99", 5, "***"},
		{"exempt beside the slots", "eeiiii", "", 4, "******"},
		{"exempt, wanting nothing", "xiiii", "", 4, " ****"},
		{"unchoked and no longer interested", "uiii", "0111", 4, " ***"},
		{"five slots a chance", "iiiiiiiiiiii", "999999998111", 10, "********????"},
		{"equals: who has it keeps it", "iiUiUUi", "", 4, "??*?**?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peers := swarm(start, tt.state, tt.down, "")
			got := picture(peers, newChoker(fixed(tt.slots), 1).Round(start, peers, false))
			chance := 0
			for i := range tt.want {
				if tt.want[i] == '?' && got[i] == '*' {
					chance++
				} else if tt.want[i] != '?' && got[i] != tt.want[i] {
					t.Fatalf("state %q down %q: got %q, want %q", tt.state, tt.down, got, tt.want)
				}
			}
			if want := min(strings.Count(tt.want, "?"), max(1, tt.slots/5)); chance != want {
				t.Errorf("state %q down %q: got %q, want %d of the ? in %q", tt.state, tt.down, got, want, tt.want)
			}
		})
	}
}

func TestRoundSeeding(t *testing.T) {
	// ago gives, for each peer, the seconds since its last unchoke; sent the
	// MiB it got since.
	tests := []struct {
		name, state string
		ago, sent   []int
		up          string
		slots       int
		want        string
	}{
		{"longest waiting first", "iiiiii", []int{50, 90, 70, 10, 60, 80}, nil, "", 3, " **  *"},
		{"running turns stay", "UiUi", []int{20, 900, 40, 900}, []int{1, 0, 1, 0}, "", 2, "* * "},
		{"a quota had", "UiUi", []int{40, 900, 40, 800}, []int{8, 0, 1, 0}, "", 2, " ** "},
		{"not before 30 s", "UiUi", []int{20, 900, 40, 900}, []int{80, 0, 1, 0}, "", 2, "* * "},
		{"two minutes had", "UiUi", []int{40, 900, 120, 800}, []int{1, 0, 1, 0}, "", 2, "**  "},
		{"idle", "UiUi", []int{20, 900, 40, 800}, []int{0, 0, 1, 0}, "", 2, " ** "},
		{"turns over and nobody waits", "UUUi", []int{400, 400, 400, 100}, []int{99, 99, 99, 0}, "", 4, "****"},
		{"one waits: the slowest goes", "UUUi", []int{400, 400, 400, 100}, []int{99, 99, 99, 0}, "5376", 3, "* **"},
		{"not interested", "U.ui", []int{20, 0, 20, 0}, []int{1, 0, 1, 0}, "", 3, "*  *"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peers := swarm(start, tt.state, "", tt.up)
			for i := range peers {
				peers[i].UnchokedAt = start.Add(-time.Duration(tt.ago[i]) * time.Second)
				if tt.sent != nil {
					peers[i].SentSinceUnchoke = int64(tt.sent[i]) << 20
				}
			}
			got := picture(peers, newChoker(fixed(tt.slots), 1).Round(start, peers, true))
			if got != tt.want {
				t.Errorf("state %q: got %q, want %q", tt.state, got, tt.want)
			}
		})
	}
}

func TestFill(t *testing.T) {
	tests := []struct {
		name, state, down string
		slots             int
		want              string
	}{
		{"a free slot", "UUUi", "", 4, "   *"},
		{"none free", "UUUUi", "9999", 4, "     "},
		{"two free, three want", "UUiii", "00123", 4, "   **"},
		{"exempt though none is free", "UUUUe", "", 4, "    *"},
		{"not interested", "U.x", "", 4, "   "},
		{"unchoked without interest holds no slot", "uUUUi", "", 4, "    *"},
		{"none free even for a better one", "UUUUi", "00009", 4, "     "},
	}
	for _, tt := range tests {
		peers := swarm(start, tt.state, tt.down, "")
		if got := picture(peers, newChoker(fixed(tt.slots), 1).Fill(start, peers, false)); got != tt.want {
			t.Errorf("%s: state %q: got %q, want %q", tt.name, tt.state, got, tt.want)
		}
	}
}

func TestExemptPeersAreBounded(t *testing.T) {
	cfg := fixed(4)
	cfg.MaxExempt = 3
	peers := swarm(start, strings.Repeat("e", 20), "", "")
	peers[19].ConnectedAt = start.Add(-2 * time.Hour)
	got := newChoker(cfg, 1).Round(start, peers, true)
	if len(got) != 7 {
		t.Errorf("got %d unchoked, want 3 exempt and 4 slots", len(got))
	}
	if !slices.Contains(got, peers[19].ID) {
		t.Error("the longest connected is not among them")
	}
}

func TestNewConnectionsAreThreeTimesAsLikely(t *testing.T) {
	const tries = 4000
	c := newChoker(fixed(4), 7)
	young := 0
	for range tries {
		peers := swarm(start, "iiiiiiiii", "999", "")
		for i := 6; i < 9; i++ {
			peers[i].ConnectedAt = start.Add(-20 * time.Second)
		}
		clear(c.optimistic)
		if strings.Contains(picture(peers, c.Round(start, peers, false))[6:], "*") {
			young++
		}
	}
	// Three old ones and three young ones: 9 chances of 12.
	if share := float64(young) / tries; share < 0.72 || share > 0.78 {
		t.Errorf("young share %.3f, want 0.75", share)
	}
}

func TestOptimisticLasts30Seconds(t *testing.T) {
	c := newChoker(fixed(4), 3)
	peers := swarm(start, "iiiiiiiiii", "999", "")
	var drawn []string
	for i := range 12 {
		now := start.Add(time.Duration(i) * Interval)
		got := c.Round(now, peers, false)
		apply(now, peers, got)
		drawn = append(drawn, picture(peers, got)[3:])
	}
	for i := 0; i < len(drawn); i += 3 {
		if drawn[i] != drawn[i+1] || drawn[i] != drawn[i+2] {
			t.Errorf("rounds %d to %d: %q changes within 30 s", i, i+2, drawn[i:i+3])
		}
		if i > 0 && drawn[i] == drawn[i-1] {
			t.Errorf("round %d: %q does not change after 30 s", i, drawn[i])
		}
	}
}

func TestOptimisticIsReplacedWhenItEarnsASlotOrLeaves(t *testing.T) {
	c := newChoker(fixed(4), 3)
	peers := swarm(start, "iiiiiii", "999", "")
	first := c.Round(start, peers, false)
	apply(start, peers, first)
	lucky := slices.IndexFunc(peers, func(p Peer) bool { return p.ID == first[3] })
	peers[lucky].Down = 20 << 10
	if got := c.Round(start.Add(Interval), peers, false); len(got) != 4 || got[0] != first[3] {
		t.Errorf("after it earned a slot: got %v, want 4 with %d first", got, first[3])
	}
	apply(start.Add(Interval), peers, c.Round(start.Add(Interval), peers, false))
	peers = slices.Delete(peers, lucky, lucky+1)
	if got := c.Round(start.Add(2*Interval), peers, false); len(got) != 4 {
		t.Errorf("after it left: got %v, want 4", got)
	}
}

// apply sets the flags of peers as a round has decided.
func apply(now time.Time, peers []Peer, unchoke []int) {
	for i := range peers {
		p := &peers[i]
		choked := !slices.Contains(unchoke, p.ID)
		if p.Choked && !choked {
			p.UnchokedAt, p.SentSinceUnchoke = now, 0
		}
		p.Choked = choked
	}
}
