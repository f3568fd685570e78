//go:build linux

package main

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
)

// keyDigits is how many hexadecimal digits of a key stand for a member: so many
// that nobody makes a key with the same ones.
const keyDigits = 16

// rosterEntry is another member of the drive as the commands show him.
type rosterEntry struct {
	Name      string    `json:"name"`
	Key       string    `json:"key"` // hex
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"` // when he came, or was last heard of
	Files     int64     `json:"files"`
	Bytes     int64     `json:"bytes"`
	Blocked   bool      `json:"blocked"`
}

// digits are what the commands take for him.
func (e rosterEntry) digits() string { return e.Key[:min(keyDigits, len(e.Key))] }

// listed are the members that the mount shows: not those who are hidden, nor
// those who are away and share nothing, of whom anybody can make thousands.
func (m *member) listed() []drive.Member {
	return slices.DeleteFunc(m.drive.Load().Members(), func(who drive.Member) bool {
		return !who.Self && (who.Hidden || !who.Connected && !who.Shares)
	})
}

// roster is a member's view of the others, for the commands that hide them. It
// is part of what the control socket serves.
type roster struct{ m *member }

// Roster is part of memberKeeper.
func (r roster) Roster() ([]rosterEntry, error) {
	var out []rosterEntry
	blocked := r.m.hidden.blocked()
	for _, who := range r.m.drive.Load().Members() {
		_, isBlocked := blocked[who.Key]
		delete(blocked, who.Key)
		switch {
		case who.Self:
			continue
		case !isBlocked && !who.Connected && (!who.Shares || r.m.hidden.forgot(who.Key)):
			continue
		}
		out = append(out, entryOf(who, isBlocked))
	}
	for k, w := range blocked { // nothing is known of them any more
		out = append(out, rosterEntry{Name: w.name, Key: k.String(), Blocked: true})
	}
	slices.SortFunc(out, func(x, y rosterEntry) int {
		return cmp.Or(cmp.Compare(x.rank(), y.rank()), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Key, y.Key))
	})
	return out, nil
}

// rank is the place of an entry: here, away, blocked.
func (e rosterEntry) rank() int {
	switch {
	case e.Blocked:
		return 2
	case e.Connected:
		return 0
	}
	return 1
}

func entryOf(who drive.Member, blocked bool) rosterEntry {
	e := rosterEntry{
		Name: who.Name, Key: who.Key.String(), Connected: who.Connected, Since: who.Seen,
		Files: who.Files, Bytes: who.Bytes, Blocked: blocked,
	}
	if who.Connected {
		e.Since = who.Since
	}
	return e
}

// Mark is part of memberKeeper.
func (r roster) Mark(op, who string) (rosterEntry, error) {
	e, err := r.find(who, op == "unblock")
	if err != nil {
		return e, err
	}
	key, err := catalog.ParseKey(e.Key)
	if err != nil {
		return e, err
	}
	switch op {
	case "block":
		err = r.m.hidden.set(key, hiding{name: e.Name, blocked: true})
		e.Blocked = true
	case "unblock":
		if !e.Blocked {
			return e, fmt.Errorf("%s is not blocked", human.Quoted(who))
		}
		err = r.m.hidden.show(key)
		e.Blocked = false
	case "forget":
		err = r.forget(key, e)
	default:
		return e, badRequest{fmt.Errorf("%s: no such thing can be done to a member", human.Quoted(op))}
	}
	if err != nil {
		return e, err
	}
	return e, r.m.drive.Load().Refilter()
}

// forget hides a member who is away until he comes back.
func (r roster) forget(key catalog.Key, e rosterEntry) error {
	switch {
	case e.Blocked:
		return fmt.Errorf("%s is blocked, and stays so", human.Quoted(e.Name))
	case e.Connected:
		return fmt.Errorf("%s is here: only who is away is forgotten; \"p2pfs block\" hides him", human.Quoted(e.Name))
	}
	for _, who := range r.m.view().Members() {
		if who.Key == key {
			return r.m.hidden.set(key, hiding{name: e.Name, seq: who.Seq})
		}
	}
	return fmt.Errorf("%s: %w", human.Quoted(e.Name), fs.ErrNotExist) // he has expired meanwhile
}

// find returns the member that a user means: by digits of his key, by
// <name>-<digits> as in .p2pfs/members, or by a name that no other one has.
func (r roster) find(who string, blocked bool) (rosterEntry, error) {
	list, err := r.Roster()
	if err != nil {
		return rosterEntry{}, err
	}
	// A name may be the digits of somebody else, who must not be out of reach.
	found := slices.DeleteFunc(slices.Clone(list), func(e rosterEntry) bool {
		digits := isDigits(who) && strings.HasPrefix(e.Key, strings.ToLower(who))
		return !digits && who != e.Name+"-"+e.digits()
	})
	if len(found) == 0 {
		found = slices.DeleteFunc(list, func(e rosterEntry) bool { return e.Name != who })
	}
	if len(found) > 1 { // one of them may be the only one whom op can mean
		if only := slices.DeleteFunc(slices.Clone(found), func(e rosterEntry) bool { return e.Blocked != blocked }); len(only) == 1 {
			found = only
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return rosterEntry{}, fmt.Errorf("%s: %d members have that name; give the digits of one: %s", human.Quoted(who), len(found), someDigits(found))
	case strings.HasPrefix(r.m.seat.key.Key().String(), strings.ToLower(who)) && isDigits(who), who == r.m.cfg.name:
		return rosterEntry{}, fmt.Errorf("%s: that is this machine itself", human.Quoted(who))
	case !isDigits(who) && isHex(who):
		return rosterEntry{}, fmt.Errorf("%s: no member has that name; of the digits %d are needed", human.Quoted(who), keyDigits)
	}
	return rosterEntry{}, fmt.Errorf("%s: %w; \"p2pfs members\" lists them", human.Quoted(who), errNoMember)
}

var errNoMember = errors.New("no such member")

// isDigits reports whether who can be digits of a key, and enough of them.
func isDigits(who string) bool { return len(who) >= keyDigits && isHex(who) }

func isHex(s string) bool {
	if len(s)%2 == 1 {
		s += "0"
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

// someDigits are the digits of the first few of a list.
func someDigits(list []rosterEntry) string {
	var out []string
	for _, e := range list[:min(len(list), 5)] {
		out = append(out, e.digits())
	}
	if len(list) > 5 {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}
