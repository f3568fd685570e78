package union

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
)

// Without returns v without the members of whom hidden holds, given their key
// and the sequence number of the head that is shown; v itself if it holds of
// none. What is left has its bare names as if the others had never been.
func (v *View) Without(hidden func(k catalog.Key, seq int64) bool) *View {
	n := 0
	for _, m := range v.members {
		if hidden(m.Who.Key, m.Seq) {
			n++
		}
	}
	if n == 0 {
		return v
	}
	members := make([]*Ranked, 0, len(v.members)-n)
	for _, m := range v.members {
		if !hidden(m.Who.Key, m.Seq) {
			members = append(members, m)
		}
	}
	return &View{store: v.store, members: members, dirs: v.dirs, claimLog: v.claimLog, exact: v.exact}
}

// Shares reports whether a member's catalogue names anything at all.
func (m *Member) Shares() bool { return m.Files > 0 && m.Root != catalog.EmptyHash }

// NewView returns the view of nobody.
func New(store *store.Store) *View { return &View{store: store, dirs: newDirCache()} }

// Next returns a view of members, by rank, that shares with v what both have in
// common.
func (v *View) Next(members []*Ranked, log ClaimLog) *View {
	return &View{store: v.store, dirs: v.dirs, members: members, claimLog: log}
}
