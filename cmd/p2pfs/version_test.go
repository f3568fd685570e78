package main

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/wire"
)

func TestVersion(t *testing.T) {
	r := runArgs(t, "version")
	r.want(t, cli.ExitDone, "p2pfs ")
	for _, want := range []string{runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, "-PF0001-"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("got %q, want %q in it", r.stdout, want)
		}
	}
	if again := runArgs(t, "--version"); again != r {
		t.Errorf("--version: got %+v, want %+v", again, r)
	}
	if len(wire.PeerIDPrefix) != 8 {
		t.Errorf("peer ID prefix %q: want 8 bytes (BEP 20)", wire.PeerIDPrefix)
	}
}

func TestVersionOf(t *testing.T) {
	tests := []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, "(unknown)"},
		{&debug.BuildInfo{}, "(devel)"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3"},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123"},
			{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
			{Key: "vcs.modified", Value: "true"},
		}}, "(devel) commit 0123456789ab 2026-01-02T03:04:05Z modified"},
		{&debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"},
		}}, "(devel) commit abc"},
	}
	for _, tt := range tests {
		if got := versionOf(tt.info); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
