package disk_test

import (
	"p2pfs/swarm"
	"p2pfs/swarm/disk"
)

// The engine takes a Disk as it is.
var (
	_ swarm.Storage      = (*disk.Disk)(nil)
	_ swarm.LayerStorage = (*disk.Disk)(nil)
)
