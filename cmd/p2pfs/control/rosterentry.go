//go:build linux

package control

import "time"

// RosterEntry is another member of the drive as the commands show him.
type RosterEntry struct {
	Name      string    `json:"name"`
	Key       string    `json:"key"` // hex
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"` // when he came, or was last heard of
	Files     int64     `json:"files"`
	Bytes     int64     `json:"bytes"`
	Blocked   bool      `json:"blocked"`
}

// Digits are what the commands take for him.
func (e RosterEntry) Digits() string { return ShortKey(e.Key) }

// State says where a member is.
func (e RosterEntry) State() string {
	state := "away"
	switch {
	case e.Blocked:
		return "blocked here"
	case e.Connected:
		state = "here"
	}
	if e.Since.IsZero() {
		return state
	}
	return state + " since " + e.Since.Local().Format(time.DateTime)
}
