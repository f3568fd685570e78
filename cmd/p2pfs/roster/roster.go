//go:build linux

// Package roster is the other members of a drive as a user sees them: who is listed,
// whom this machine hides and for how long, and what somebody should know of them.
// It changes nothing on other machines. All is safe for concurrent use.
package roster

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
)

// Listed are the members that a mount shows: not those who are hidden, nor those who
// are away and share nothing, of whom anybody can make thousands.
func Listed(d *drive.Drive) []drive.Member {
	return slices.DeleteFunc(d.Members(), func(who drive.Member) bool {
		return !who.Self && (who.Hidden || !who.Connected && !who.Shares)
	})
}

// Roster is the other members of a drive, for the commands that hide them.
type Roster struct {
	Drive  func() *drive.Drive // as it is joined now
	Hidden *Hidden
	Self   func() catalog.Key
	Name   string // ours
}

// Roster is part of Members.
func (r Roster) Roster() ([]control.RosterEntry, error) {
	var out []control.RosterEntry
	blocked := r.Hidden.blocked()
	for _, who := range r.Drive().Members() {
		_, isBlocked := blocked[who.Key]
		delete(blocked, who.Key)
		switch {
		case who.Self:
			continue
		case !isBlocked && !who.Connected && (!who.Shares || r.Hidden.forgot(who.Key)):
			continue
		}
		out = append(out, entryOf(who, isBlocked))
	}
	for k, w := range blocked { // nothing is known of them any more
		out = append(out, control.RosterEntry{Name: w.name, Key: k.String(), Blocked: true})
	}
	slices.SortFunc(out, func(x, y control.RosterEntry) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Key, y.Key))
	})
	return out, nil
}

// rank is the place of an entry: here, away, blocked.
func rank(e control.RosterEntry) int {
	switch {
	case e.Blocked:
		return 2
	case e.Connected:
		return 0
	}
	return 1
}

func entryOf(who drive.Member, blocked bool) control.RosterEntry {
	e := control.RosterEntry{
		Name: who.Name, Key: who.Key.String(), Connected: who.Connected, Since: who.Seen,
		Files: who.Files, Bytes: who.Bytes, Blocked: blocked,
	}
	if who.Connected {
		e.Since = who.Since
	}
	return e
}

// Mark is part of Members.
func (r Roster) Mark(op, who string) (control.RosterEntry, error) {
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
		err = r.Hidden.set(key, hiding{name: e.Name, blocked: true})
		e.Blocked = true
	case "unblock":
		if !e.Blocked {
			return e, fmt.Errorf("%s is not blocked", human.Quoted(who))
		}
		err = r.Hidden.show(key)
		e.Blocked = false
	case "forget":
		err = r.forget(key, e)
	default:
		return e, control.Refuse("%s: no such thing can be done to a member", human.Quoted(op))
	}
	if err != nil {
		return e, err
	}
	return e, r.Drive().Refilter()
}

// forget hides a member who is away until he comes back.
func (r Roster) forget(key catalog.Key, e control.RosterEntry) error {
	switch {
	case e.Blocked:
		return fmt.Errorf("%s is blocked, and stays so", human.Quoted(e.Name))
	case e.Connected:
		return fmt.Errorf("%s is here: only who is away is forgotten; \"p2pfs block\" hides him", human.Quoted(e.Name))
	}
	for _, who := range r.Drive().View().Members() {
		if who.Key == key {
			return r.Hidden.set(key, hiding{name: e.Name, seq: who.Seq})
		}
	}
	return fmt.Errorf("%s: %w", human.Quoted(e.Name), fs.ErrNotExist) // he has expired meanwhile
}

// find returns the member that a user means: by digits of his key, by
// <name>-<digits> as in .p2pfs/members, or by a name that no other one has.
func (r Roster) find(who string, blocked bool) (control.RosterEntry, error) {
	list, err := r.Roster()
	if err != nil {
		return control.RosterEntry{}, err
	}
	// A name may be the digits of somebody else, who must not be out of reach.
	found := slices.DeleteFunc(slices.Clone(list), func(e control.RosterEntry) bool {
		digits := isDigits(who) && strings.HasPrefix(e.Key, strings.ToLower(who))
		return !digits && who != e.Name+"-"+e.Digits()
	})
	if len(found) == 0 {
		found = slices.DeleteFunc(list, func(e control.RosterEntry) bool { return e.Name != who })
	}
	if len(found) > 1 { // one of them may be the only one whom op can mean
		if only := slices.DeleteFunc(slices.Clone(found), func(e control.RosterEntry) bool { return e.Blocked != blocked }); len(only) == 1 {
			found = only
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return control.RosterEntry{}, fmt.Errorf("%s: %d members have that name; give the digits of one: %s", human.Quoted(who), len(found), someDigits(found))
	case strings.HasPrefix(r.Self().String(), strings.ToLower(who)) && isDigits(who), who == r.Name:
		return control.RosterEntry{}, fmt.Errorf("%s: that is this machine itself", human.Quoted(who))
	case !isDigits(who) && isHex(who):
		return control.RosterEntry{}, fmt.Errorf("%s: no member has that name; of the digits %d are needed", human.Quoted(who), control.KeyDigits)
	}
	return control.RosterEntry{}, fmt.Errorf("%s: %w; \"p2pfs members\" lists them", human.Quoted(who), errNoMember)
}

var errNoMember = errors.New("no such member")

// isDigits reports whether who can be digits of a key, and enough of them.
func isDigits(who string) bool { return len(who) >= control.KeyDigits && isHex(who) }

func isHex(s string) bool {
	if len(s)%2 == 1 {
		s += "0"
	}
	_, err := hex.DecodeString(s)
	return err == nil
}

// someDigits are the digits of the first few of a list.
func someDigits(list []control.RosterEntry) string {
	var out []string
	for _, e := range list[:min(len(list), 5)] {
		out = append(out, e.Digits())
	}
	if len(list) > 5 {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}
