package control

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/human"
)

// exampleStatus has something in every field.
func exampleStatus() Status {
	return Status{
		Version: "v1", PID: 42, MountPoint: "/mnt/swarm", Share: "/home/anna/p2pfs", Drive: "public",
		Name: "anna", Key: "3f2a91c0deadbeef", Listen: "0.0.0.0:6881", Since: time.Unix(1e9, 0).UTC(), Files: 2012, Bytes: 5 << 30,
		Sharing:  Share{Files: 12, Bytes: 1 << 20, Hashing: 1, Ignored: 2, Skipped: 3},
		Cache:    Cache{Dir: "/c", Used: 1 << 30, Budget: 10 << 30},
		Traffic:  Traffic{Down: 1 << 20, Up: 1, Downloaded: 4 << 30, Uploaded: 5, Unread: 6, Peers: 7, ReadsWaiting: 8},
		Trackers: []Tracker{{"udp://127.0.0.1:6969", "failed", "no reply"}},
		Members:  []Member{{"eve\x1b[2J", "0123456789abcdef0123", "127.0.0.2:6881", true, 1, 1}, {"bob", "fedc", "", false, 0, 0}},
		Torrents: []Torrent{{"x\ny", "aabb", "fetching", 1000, 500, 1, "slow"}, {Name: "m", InfoHash: "cc", State: "metadata"}},
		Waiting:  []Wait{{"a\nb", 3, time.Unix(1e9, 0).UTC(), "waiting for piece 17: no peer has it"}}, Bugs: 2,
		Notices: []string{`"bob"'s clock is 40 days behind`},
	}
}

func TestStatusText(t *testing.T) {
	got := exampleStatus().String()
	for _, want := range []string{
		"drive public on /mnt/swarm", "process 42", "anna (3f2a91c0deadbeef)", "12 files, 1.0 MiB, 1 being hashed, 2 ignored, 3 skipped",
		"1.0 GiB of 10.0 GiB", "1.0 MiB/s down", "8 reads waiting", "failed: no reply", `"eve\x1b[2J" (0123456789abcdef)  127.0.0.2:6881  1 file, 1 B`,
		"bob (fedc)  absent", `"x\ny"  aabb  fetching: slow  50.0% of 1000 B here, 1 peer`, "m  cc  metadata  size not known yet",
		`waiting  "a\nb": waiting for piece 17: no peer has it; 3 reads, since `,
		`notice   "bob"'s clock is 40 days behind`,
		"trouble  2 internal errors caught; please report",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("status lacks %q:\n%s", want, got)
		}
	}
	for line := range strings.Lines(got) {
		if !human.Plain(strings.TrimSuffix(line, "\n")) {
			t.Errorf("line not fit for a terminal: %q", line)
		}
	}
	var empty Status
	if got := empty.String(); got == "" {
		t.Error("the zero status has no text")
	}
}

func TestStatusLine(t *testing.T) {
	if got, want := exampleStatus().Line(), "3 members  2012 files  down 1.0 MiB/s  up 1 B/s  hashing 1 file  8 reads waiting"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (Status{}).Line(), "1 member  0 files  down 0 B/s  up 0 B/s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStatusJSON is there because scripts read it: what is written is read
// back whole, and no field is without a name of its own.
func TestStatusJSON(t *testing.T) {
	data, err := json.Marshal(exampleStatus())
	if err != nil {
		t.Fatal(err)
	}
	var back Status
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, exampleStatus()) {
		t.Errorf("got %+v, %v back", back, err)
	}
	var keys map[string]any
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for key := range keys {
		if key != strings.ToLower(key) {
			t.Errorf("key %q: want lower case", key)
		}
	}
}

// TestHashingProgress is shown for files that take long enough.
func TestHashingProgress(t *testing.T) {
	for _, tt := range []struct {
		hashed, size int64
		want         string
	}{
		{0, 0, ""}, {1 << 20, 200 << 20, ""}, {1 << 30, 4 << 30, " (1.0 GiB of 4.0 GiB, 25.0%)"},
	} {
		s := exampleStatus()
		s.Sharing.Hashing, s.Sharing.Hashed, s.Sharing.ToHash = 1, tt.hashed, tt.size
		if got := s.Line(); !strings.Contains(got, "hashing 1 file"+tt.want+"  ") {
			t.Errorf("got %q, want %q in it", got, tt.want)
		}
		if got := s.String(); !strings.Contains(got, "1 being hashed"+tt.want) {
			t.Errorf("got %q, want %q in it", got, tt.want)
		}
	}
}
