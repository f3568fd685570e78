package hashes

import (
	"net/netip"
	"time"
)

const (
	// startCredit is how many bytes are read and hashed for an address group before
	// it has taken any block; it comes back at creditPerSecond, and creditPerByte
	// times as fast as blocks are sent to it.
	startCredit     = 128 << 20
	creditPerSecond = 2 << 20
	creditPerByte   = 64
	// maxGroups bounds the groups that are remembered.
	maxGroups = 4096
)

// Credit bounds what answering requests for leaves costs: a request of 54 bytes
// may have a piece of many MiB read and hashed. It is paid by the blocks that the
// one who asks also takes, counted by address group, as connections are free. The
// zero value is ready.
type Credit struct {
	debts map[netip.Prefix]*debt
}

// debt is what was hashed for a group and not paid for.
type debt struct {
	bytes int64
	at    time.Time
}

// Pay notes that n bytes of blocks were sent to a group.
func (c *Credit) Pay(group netip.Prefix, n int64) {
	if d := c.debts[group]; d != nil {
		d.bytes = max(0, d.bytes-n*creditPerByte)
	}
}

// Spend reports whether n bytes may be hashed for a group now, and counts them.
func (c *Credit) Spend(group netip.Prefix, n int64, now time.Time) bool {
	d := c.debts[group]
	if d == nil {
		if len(c.debts) >= maxGroups && !c.forget(now) {
			return false
		}
		if c.debts == nil {
			c.debts = map[netip.Prefix]*debt{}
		}
		d = &debt{at: now}
		c.debts[group] = d
	}
	d.fall(now)
	if d.bytes+n > startCredit {
		return false
	}
	d.bytes += n
	return true
}

func (d *debt) fall(now time.Time) {
	d.bytes = max(0, d.bytes-int64(now.Sub(d.at).Seconds()*creditPerSecond))
	d.at = now
}

// forget drops the groups that have paid, and reports whether there is room then.
func (c *Credit) forget(now time.Time) bool {
	for g, d := range c.debts {
		if d.fall(now); d.bytes == 0 {
			delete(c.debts, g)
		}
	}
	return len(c.debts) < maxGroups
}
