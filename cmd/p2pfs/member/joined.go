//go:build linux

package member

import (
	"sync/atomic"

	"p2pfs/cmd/p2pfs/roster"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive"
)

// engine is the client that all torrents and drives of this process run in; nil until
// it listens.
type engine struct{ p atomic.Pointer[swarm.Client] }

func (e *engine) client() *swarm.Client { return e.p.Load() }

// joined is a drive as it is joined now: it is joined anew when another p2pfs turns
// out to have our key. Nil until it was first. It is a tree.Namespace.
type joined struct{ p atomic.Pointer[drive.Drive] }

func (j *joined) drive() *drive.Drive { return j.p.Load() }

// View is the namespace of now.
func (j *joined) View() *union.View { return j.drive().View() }

// Listed are the members that are shown by name.
func (j *joined) Listed() map[catalog.Key]bool {
	here := map[catalog.Key]bool{}
	for _, who := range roster.Listed(j.drive()) {
		here[who.Key] = true
	}
	return here
}
