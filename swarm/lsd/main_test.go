package lsd

import (
	"testing"

	"p2pfs/swarm/guard/guardtest"
)

func TestMain(m *testing.M) { guardtest.Main(m) }
