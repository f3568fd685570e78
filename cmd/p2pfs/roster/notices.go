//go:build linux

package roster

import (
	"fmt"
	"strconv"
	"time"

	"p2pfs/cmd/p2pfs/human"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
)

// Keys is our member key, and which one it was before.
type Keys interface {
	Key() catalog.Key
	GivenUp() (catalog.Key, bool)
}

// Notices are what somebody should know of the members of a drive, whose list was
// got, in sentences.
func Notices(d *drive.Drive, key Keys, members []drive.Member) (list []string) {
	if old, ok := key.GivenUp(); ok {
		list = append(list, fmt.Sprintf("another p2pfs has the member key %s too: this one made a new one, %s", old.Short(), key.Key().Short()))
	}
	if c, ok := d.Copy(); ok {
		what := "that one is to make a new one"
		if c.Yield {
			what = "this one is to make a new one"
		}
		at := ""
		if c.Addr.IsValid() {
			at = ", met at " + c.Addr.String() + ","
		}
		list = append(list, fmt.Sprintf("another p2pfs%s has our member key %s: %s", at, key.Key().Short(), what))
	}
	for _, who := range members {
		if who.Connected && who.Ahead.Abs() >= drive.MaxAhead {
			list = append(list, strconv.Quote(who.Name)+"'s clock is "+apart(who.Ahead))
		}
	}
	for _, old := range d.Outdated() {
		list = append(list, fmt.Sprintf("%q runs an older p2pfs and is refused (%s)", old.Name, old.Addr))
	}
	return list
}

// apart says by how much a clock is ahead, in whole days, hours or minutes.
func apart(ahead time.Duration) string {
	d, which := min(ahead.Abs(), 1<<62), "ahead" // so that there is room to round
	if ahead < 0 {
		which = "behind"
	}
	n, unit := int64((d+30*time.Second)/time.Minute), "minute"
	switch {
	case d >= 48*time.Hour:
		n, unit = int64((d+12*time.Hour)/(24*time.Hour)), "day"
	case d >= 2*time.Hour:
		n, unit = int64((d+30*time.Minute)/time.Hour), "hour"
	}
	return human.Count(n, unit) + " " + which
}
