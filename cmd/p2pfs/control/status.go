// Package control lets the commands ask a running mount how it is, and have it do
// something: JSON over HTTP on a socket that only its user can open. It has what is
// said, a server over what a mount can do, and a client. It knows neither drives
// nor torrents. All is safe for concurrent use but where a type says otherwise.
package control

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"p2pfs/cmd/p2pfs/human"
)

// Status is what a running mount tells of itself. Sizes are bytes, rates
// bytes a second; the keys of its JSON form are for scripts and stay.
type Status struct {
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	MountPoint string    `json:"mountpoint"`
	Share      string    `json:"share"`
	Drive      string    `json:"drive"`
	Name       string    `json:"name"` // our display name
	Key        string    `json:"key"`  // our member key, hex
	Listen     string    `json:"listen"`
	Since      time.Time `json:"since"`
	Files      int64     `json:"files"` // in the mount
	Bytes      int64     `json:"bytes"`
	Sharing    Share     `json:"sharing"`
	Cache      Cache     `json:"cache"`
	Traffic    Traffic   `json:"traffic"`
	Trackers   []Tracker `json:"trackers"`
	Members    []Member  `json:"members"` // without ourselves
	Torrents   []Torrent `json:"torrents"`
	Waiting    []Wait    `json:"waiting"` // files that reads wait for, twenty at most
	Notices    []string  `json:"notices"` // what somebody should know of other members
	// Bugs counts the internal errors that were caught; the log tells of each.
	Bugs int64 `json:"bugs"`
}

// Share tells of the share directory.
type Share struct {
	Files   int64 `json:"files"` // published
	Bytes   int64 `json:"bytes"`
	Hashing int64 `json:"hashing"` // files being hashed, or waiting for it
	Hashed  int64 `json:"hashed"`  // bytes that are, of those being hashed
	ToHash  int64 `json:"to_hash"` // bytes of those being hashed
	// FilesHashed counts the files hashed since the start.
	FilesHashed int64 `json:"files_hashed"`
	Ignored     int64 `json:"ignored"` // temporary names and what .p2pfsignore lists
	Skipped     int64 `json:"skipped"` // sockets, devices, links that leave
}

// Cache tells of the cache.
type Cache struct {
	Dir      string `json:"dir"`
	Used     int64  `json:"used"`
	Budget   int64  `json:"budget"`
	Pinned   int64  `json:"pinned"`            // of used
	Room     int64  `json:"room"`              // what still fits without an eviction
	KeepFree int64  `json:"keep_free"`         // of the disk
	Trouble  string `json:"trouble,omitempty"` // why the last piece was not kept
}

func (c Cache) String() string {
	text := fmt.Sprintf("%s: %s of %s", human.Quoted(c.Dir), human.Size(c.Used), human.Size(c.Budget))
	if c.Pinned > 0 {
		text += ", " + human.Size(c.Pinned) + " pinned"
	}
	if c.Trouble != "" {
		text += "; takes nothing now: " + c.Trouble
	}
	return text
}

// Traffic tells what moves.
type Traffic struct {
	Down         int64 `json:"down"` // rate
	Up           int64 `json:"up"`   // rate
	Downloaded   int64 `json:"downloaded"`
	Uploaded     int64 `json:"uploaded"`
	Unread       int64 `json:"unread"` // downloaded and never read
	Peers        int64 `json:"peers"`
	ReadsWaiting int64 `json:"reads_waiting"`
}

// Tracker tells of one tracker.
type Tracker struct {
	URL   string `json:"url"`
	State string `json:"state"`           // "ok", "waiting", ...
	Error string `json:"error,omitempty"` // of the last announce
}

// Member tells of another member of the drive.
type Member struct {
	Name      string `json:"name"`
	Key       string `json:"key"` // hex
	Addr      string `json:"addr,omitempty"`
	Connected bool   `json:"connected"`
	Files     int64  `json:"files"`
	Bytes     int64  `json:"bytes"`
}

// Torrent tells of a torrent or magnet that was added by hand.
type Torrent struct {
	Name     string `json:"name"`
	InfoHash string `json:"infohash"`
	State    string `json:"state"`
	Bytes    int64  `json:"bytes"` // 0: not known yet
	Have     int64  `json:"have"`
	Peers    int64  `json:"peers"`
	Error    string `json:"error,omitempty"`
}

// Wait tells what the reads of a file wait for.
type Wait struct {
	Path  string    `json:"path"` // in the mount
	Reads int64     `json:"reads"`
	Since time.Time `json:"since"` // without any progress
	Why   string    `json:"why"`
}

func (w Wait) String() string {
	return fmt.Sprintf("%s; %s, since %s", w.Why, human.Count(w.Reads, "read"), w.Since.Local().Format(time.TimeOnly))
}

// Filled returns s with empty lists in the place of none, which JSON shows as
// null.
func (s Status) Filled() Status {
	if s.Trackers == nil {
		s.Trackers = []Tracker{}
	}
	if s.Members == nil {
		s.Members = []Member{}
	}
	if s.Torrents == nil {
		s.Torrents = []Torrent{}
	}
	if s.Waiting == nil {
		s.Waiting = []Wait{}
	}
	if s.Notices == nil {
		s.Notices = []string{}
	}
	return s
}

// Line returns the status line of a mount on a terminal.
func (s Status) Line() string {
	parts := []string{
		human.Count(int64(len(s.Members))+1, "member"),
		human.Count(s.Files, "file"),
		"down " + human.Rate(s.Traffic.Down),
		"up " + human.Rate(s.Traffic.Up),
	}
	if n := s.Sharing.Hashing; n > 0 {
		parts = append(parts, "hashing "+human.Count(n, "file")+s.Sharing.progress())
	}
	if n := s.Traffic.ReadsWaiting; n > 0 {
		parts = append(parts, human.Count(n, "read")+" waiting")
	}
	return strings.Join(parts, "  ")
}

// String returns the status for people, in lines.
func (s Status) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(key, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", key, human.OneLine(fmt.Sprintf(format, args...)))
	}
	row("mounted", "drive %s on %s", human.Quoted(s.Drive), human.Quoted(s.MountPoint))
	row("running", "p2pfs %s, process %d, since %s", s.Version, s.PID, s.Since.Local().Format(time.DateTime))
	row("member", "%s (%s), listening on %s", human.Quoted(s.Name), ShortKey(s.Key), s.Listen)
	row("sharing", "%s: %s, %s%s", human.Quoted(s.Share), human.Count(s.Sharing.Files, "file"), human.Size(s.Sharing.Bytes), s.Sharing.rest())
	row("showing", "%s, %s", human.Count(s.Files, "file"), human.Size(s.Bytes))
	row("cache", "%s", s.Cache)
	t := s.Traffic
	row("traffic", "%s down, %s up, %s, %s waiting", human.Rate(t.Down), human.Rate(t.Up), human.Count(t.Peers, "peer"), human.Count(t.ReadsWaiting, "read"))
	row("in all", "%s down (%s never read), %s up", human.Size(t.Downloaded), human.Size(t.Unread), human.Size(t.Uploaded))
	for _, t := range s.Trackers {
		row("tracker", "%s  %s", t.URL, problem(t.State, t.Error))
	}
	for _, m := range s.Members {
		row("with", "%s", m)
	}
	for _, t := range s.Torrents {
		row("torrent", "%s", t)
	}
	for _, f := range s.Waiting {
		row("waiting", "%s: %s", human.Quoted(f.Path), f)
	}
	for _, text := range s.Notices {
		row("notice", "%s", text)
	}
	if s.Bugs > 0 {
		row("trouble", "%s caught; please report what the log says of them", human.Count(s.Bugs, "internal error"))
	}
	w.Flush()
	return b.String()
}

// KeyDigits is how many hexadecimal digits of a key stand for a member: so many
// that nobody makes a key with the same ones.
const KeyDigits = 16

// largeHash is the size from which on hashing takes long enough to be shown.
const largeHash = 256 << 20

// progress tells how far the hashing of large files is, if there are any.
func (s Share) progress() string {
	if s.ToHash < largeHash {
		return ""
	}
	return fmt.Sprintf(" (%s of %s, %.1f%%)", human.Size(s.Hashed), human.Size(s.ToHash), human.Percent(s.Hashed, s.ToHash))
}

// rest tells what of the share directory is not published, if anything.
func (s Share) rest() string {
	var b strings.Builder
	for _, part := range []struct {
		n    int64
		what string
	}{{s.Hashing, "being hashed" + s.progress()}, {s.Ignored, "ignored"}, {s.Skipped, "skipped"}} {
		if part.n > 0 {
			fmt.Fprintf(&b, ", %d %s", part.n, part.what)
		}
	}
	return b.String()
}

func (m Member) String() string {
	where := "absent"
	if m.Connected {
		where = m.Addr
	}
	return fmt.Sprintf("%s (%s)  %s  %s, %s", human.Quoted(m.Name), ShortKey(m.Key), where, human.Count(m.Files, "file"), human.Size(m.Bytes))
}

func (t Torrent) String() string {
	size := "size not known yet"
	if t.Bytes > 0 {
		size = fmt.Sprintf("%.1f%% of %s here", human.Percent(t.Have, t.Bytes), human.Size(t.Bytes))
	}
	return fmt.Sprintf("%s  %s  %s  %s, %s", human.Quoted(t.Name), t.InfoHash, problem(t.State, t.Error), size, human.Count(t.Peers, "peer"))
}

// problem returns the state, and what went wrong behind it.
func problem(state, err string) string {
	if err == "" {
		return state
	}
	return state + ": " + err
}

// ShortKey returns the part of a hexadecimal member key that people are shown.
func ShortKey(key string) string { return key[:min(KeyDigits, len(key))] }
