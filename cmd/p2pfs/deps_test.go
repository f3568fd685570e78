package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed is a statement of policy: what each package may import besides the
// standard library. Packages of this module are named from the module's root.
// A row is a decision, so a new package needs one.
//
// What it says: fs, cache and swarm do not know one another, only the command
// knows all (swarm/hashing, by which they hash, knows none of them). Below swarm,
// arrows go down: to peer and drive, then wire, then bencode; choker and picker
// are pure. Each foreign module has one place, or two, through which it comes
// in.
var allowed = map[string][]string{
	"cmd/p2pfs":                     {"cache", "cmd/p2pfs/cli", "cmd/p2pfs/control", "cmd/p2pfs/daemon", "cmd/p2pfs/dirs", "cmd/p2pfs/human", "cmd/p2pfs/member", "cmd/p2pfs/netflags", "cmd/p2pfs/pause", "cmd/p2pfs/state", "cmd/p2pfs/torrents", "cmd/p2pfs/trackers", "cmd/p2pfs/tree", "fs/mounting", "swarm/catalog", "swarm/guard", "swarm/tracker", "swarm/tracker/server", "swarm/wire", "github.com/spf13/pflag", "golang.org/x/sys"},
	"cmd/p2pfs/cli":                 {"cmd/p2pfs/human", "github.com/spf13/pflag", "golang.org/x/term"},
	"cmd/p2pfs/clitest":             {},
	"cmd/p2pfs/control":             {"cmd/p2pfs/human", "golang.org/x/sys"},
	"cmd/p2pfs/control/controltest": {"cmd/p2pfs/clitest", "cmd/p2pfs/control"},
	"cmd/p2pfs/daemon":              {"cmd/p2pfs/cli", "cmd/p2pfs/human", "golang.org/x/sys"},
	"cmd/p2pfs/dirs":                {"cmd/p2pfs/human"},
	"cmd/p2pfs/files":               {"cache", "cmd/p2pfs/pause", "cmd/p2pfs/state", "cmd/p2pfs/trackers", "cmd/p2pfs/tree", "fs", "swarm", "swarm/catalog", "swarm/catalog/union", "swarm/drive", "swarm/durable", "swarm/guard", "swarm/hashing", "swarm/held", "swarm/metainfo", "swarm/share", "github.com/bits-and-blooms/bitset"},
	"cmd/p2pfs/human":               {},
	"cmd/p2pfs/keep":                {"cache", "cmd/p2pfs/control", "cmd/p2pfs/human", "cmd/p2pfs/pause", "cmd/p2pfs/tree", "swarm/guard", "swarm/held", "swarm/metainfo", "swarm/share"},
	"cmd/p2pfs/member":              {"cache", "cmd/p2pfs/cli", "cmd/p2pfs/control", "cmd/p2pfs/dirs", "cmd/p2pfs/files", "cmd/p2pfs/human", "cmd/p2pfs/keep", "cmd/p2pfs/pause", "cmd/p2pfs/roster", "cmd/p2pfs/state", "cmd/p2pfs/trackers", "cmd/p2pfs/tree", "fs", "fs/mounting", "swarm", "swarm/book", "swarm/catalog", "swarm/catalog/store", "swarm/catalog/union", "swarm/drive", "swarm/gather", "swarm/guard", "swarm/held", "swarm/metainfo", "swarm/share"},
	"cmd/p2pfs/netflags":            {"cmd/p2pfs/cli", "cmd/p2pfs/human", "swarm/tracker", "github.com/spf13/pflag"},
	"cmd/p2pfs/pause":               {},
	"cmd/p2pfs/roster":              {"cmd/p2pfs/control", "cmd/p2pfs/human", "swarm/catalog", "swarm/drive", "swarm/durable"},
	"cmd/p2pfs/state":               {"cmd/p2pfs/human", "swarm", "swarm/book", "swarm/catalog", "swarm/durable", "swarm/hashing", "swarm/metainfo", "golang.org/x/sys"},
	"cmd/p2pfs/torrents":            {"cmd/p2pfs/cli", "cmd/p2pfs/dirs", "cmd/p2pfs/human", "cmd/p2pfs/netflags", "cmd/p2pfs/state", "swarm", "swarm/disk", "swarm/durable", "swarm/hashing", "swarm/metainfo", "swarm/tracker", "github.com/spf13/pflag"},
	"cmd/p2pfs/trackers":            {"cmd/p2pfs/cli", "cmd/p2pfs/control", "cmd/p2pfs/pause", "swarm", "swarm/announce", "swarm/catalog", "swarm/catalog/union", "swarm/drive", "swarm/guard", "swarm/metainfo", "swarm/tracker/server"},
	"cmd/p2pfs/tree":                {"cmd/p2pfs/control", "cmd/p2pfs/human", "fs", "swarm", "swarm/catalog", "swarm/catalog/union", "swarm/durable", "swarm/guard", "swarm/hashing", "swarm/metainfo"},

	"cache": {"swarm/durable", "swarm/hashing", "golang.org/x/sys"},
	"fs":    {"fs/mounting", "bazil.org/fuse", "golang.org/x/sys"},

	"swarm": {
		"swarm/announce", "swarm/assembly", "swarm/book", "swarm/carrier", "swarm/door", "swarm/gather", "swarm/guard", "swarm/held", "swarm/hashes", "swarm/hashing", "swarm/haves", "swarm/lru", "swarm/lsd", "swarm/metadata", "swarm/metainfo", "swarm/netgroup", "swarm/peer", "swarm/pex", "swarm/picker", "swarm/places", "swarm/reads", "swarm/tracker", "swarm/upload", "swarm/wire",
		"golang.org/x/time",
	},

	"fs/mounting": {"bazil.org/fuse", "golang.org/x/sys"},

	"swarm/catalog":             {"swarm/bencode", "swarm/durable", "swarm/hashing", "swarm/names"},
	"swarm/catalog/build":       {"swarm/catalog", "swarm/names"},
	"swarm/catalog/catalogtest": {"swarm/catalog", "swarm/catalog/store"},
	"swarm/catalog/state":       {"swarm/bencode", "swarm/catalog", "swarm/catalog/store", "swarm/catalog/union", "swarm/kv", "swarm/names", "go.etcd.io/bbolt"},
	"swarm/catalog/store":       {"swarm/catalog", "swarm/kv", "swarm/lru", "go.etcd.io/bbolt"},
	"swarm/catalog/union":       {"swarm/catalog", "swarm/catalog/store", "swarm/lru", "swarm/names"},
	"swarm/disk":                {"swarm/durable", "swarm/hashing", "swarm/metainfo", "golang.org/x/sys"},
	"swarm/metainfo":            {"swarm/bencode", "swarm/hashing", "swarm/names", "golang.org/x/sync"},
	"swarm/peer":                {"swarm/guard", "swarm/hashing", "swarm/wire", "golang.org/x/sys", "golang.org/x/time"},
	"swarm/share":               {"swarm/guard", "swarm/hashing", "swarm/kv", "swarm/metainfo", "swarm/names", "swarm/share/hasher", "swarm/share/ignore", "swarm/share/inode", "swarm/share/published", "swarm/share/record", "swarm/share/serve", "swarm/share/settle", "swarm/share/tree", "swarm/share/watch"},
	"swarm/wire":                {"swarm/bencode", "swarm/hashing", "github.com/bits-and-blooms/bitset"},

	"swarm/share/hasher":    {"swarm/guard", "swarm/hashing", "swarm/metainfo", "swarm/share/inode", "swarm/share/record"},
	"swarm/share/ignore":    {},
	"swarm/share/inode":     {"golang.org/x/sys"},
	"swarm/share/published": {"swarm/hashing", "swarm/metainfo", "swarm/share/inode"},
	"swarm/share/record":    {"swarm/kv", "swarm/lru", "swarm/metainfo", "swarm/share/inode", "go.etcd.io/bbolt"},
	"swarm/share/serve":     {"swarm/hashing", "swarm/metainfo", "swarm/share/inode", "swarm/share/published", "swarm/share/record", "github.com/bits-and-blooms/bitset"},
	"swarm/share/settle":    {"swarm/share/inode"},
	"swarm/share/tree":      {"swarm/share/ignore", "swarm/share/inode", "swarm/share/published", "swarm/share/watch"},
	"swarm/share/watch":     {"swarm/share/inode", "golang.org/x/sys"},

	"swarm/tracker":             {"swarm/bencode", "swarm/guard", "swarm/netgroup", "swarm/tracker/packet", "golang.org/x/time"},
	"swarm/tracker/server":      {"swarm/guard", "swarm/tracker/packet", "golang.org/x/sys"},
	"swarm/tracker/trackertest": {"swarm/tracker/packet"},
	"swarm/tracker/packet":      {},

	"swarm/announce": {"swarm/tracker"},

	"swarm/assembly": {"swarm/hashing", "swarm/metainfo", "swarm/picker"},

	"swarm/drive":         {"swarm/book", "swarm/catalog", "swarm/catalog/build", "swarm/catalog/state", "swarm/catalog/store", "swarm/catalog/union", "swarm/drive/gossip", "swarm/drive/hello", "swarm/drive/message", "swarm/drive/objects", "swarm/drive/who", "swarm/gather", "swarm/guard", "swarm/hashing", "swarm/netgroup", "golang.org/x/time"},
	"swarm/drive/gossip":  {"swarm/catalog", "swarm/drive/message", "golang.org/x/time"},
	"swarm/drive/hello":   {"swarm/catalog", "swarm/drive/message"},
	"swarm/drive/message": {"swarm/bencode", "swarm/catalog", "swarm/hashing"},
	"swarm/drive/objects": {"swarm/catalog", "swarm/drive/message"},
	"swarm/drive/who":     {"swarm/catalog", "swarm/drive/message", "swarm/hashing", "swarm/netgroup"},

	"swarm/bencode":         {"github.com/zeebo/bencode"},
	"swarm/book":            {"swarm/netgroup", "swarm/priority"},
	"swarm/carrier":         {},
	"swarm/choker":          {},
	"swarm/door":            {"swarm/guard", "swarm/netgroup", "swarm/wire"},
	"swarm/hashes":          {"swarm/hashing", "swarm/metainfo", "swarm/picker"},
	"swarm/haves":           {"swarm/hashing", "swarm/picker", "swarm/wire", "github.com/bits-and-blooms/bitset"},
	"swarm/metadata":        {"swarm/wire"},
	"swarm/upload":          {"swarm/choker", "swarm/hashing", "swarm/picker", "swarm/wire"},
	"swarm/durable":         {},
	"swarm/gather":          {"swarm/announce", "swarm/bencode", "swarm/book", "swarm/guard", "swarm/netgroup", "swarm/places", "swarm/tracker", "swarm/wire", "golang.org/x/time"},
	"swarm/guard":           {},
	"swarm/guard/guardtest": {"swarm/guard"},
	"swarm/hashing":         {},
	"swarm/held":            {"swarm/durable", "swarm/metainfo", "github.com/bits-and-blooms/bitset"},
	"swarm/kv":              {"swarm/durable", "go.etcd.io/bbolt"},
	"swarm/lru":             {},
	"swarm/lsd":             {"swarm/guard", "golang.org/x/sys", "golang.org/x/time"},
	"swarm/names":           {},
	"swarm/netgroup":        {},
	"swarm/picker":          {"swarm/hashing", "github.com/bits-and-blooms/bitset"},
	"swarm/pex":             {"swarm/bencode", "swarm/netgroup", "golang.org/x/time"},
	"swarm/places":          {"swarm/book", "golang.org/x/time"},
	"swarm/priority":        {},
	"swarm/reads":           {"swarm/picker"},

	"swarm/swarmtest": {"swarm/bencode", "swarm/hashing", "swarm/metainfo", "swarm/wire"},
}

const modulePath = "p2pfs"

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// listPackages returns the packages of this module as they are built for goos.
func listPackages(t *testing.T, goos string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", modulePath+"/...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// short returns an import as the table names it.
func short(path string) string { return strings.TrimPrefix(path, modulePath+"/") }

// standard reports whether a package is of the standard library: those have
// no dot in the first element, but for this module.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return first != modulePath && !strings.Contains(first, ".")
}

// TestImports holds the imports of all packages against the table, and the table
// against them: a row that nothing uses allows what nobody has decided.
func TestImports(t *testing.T) {
	used := map[string]map[string]bool{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		packages := listPackages(t, goos)
		if len(packages) < 10 {
			t.Fatalf("go list names %d packages only", len(packages))
		}
		for _, p := range packages {
			rules, ok := allowed[short(p.ImportPath)]
			if !ok {
				t.Errorf("%s is not in the table of imports", p.ImportPath)
				continue
			}
			for _, path := range p.Imports {
				if standard(path) {
					continue
				}
				if !permits(rules, short(path)) {
					t.Errorf("%s: %s may not import %s", goos, p.ImportPath, path)
				}
				for _, rule := range rules {
					if permits([]string{rule}, short(path)) {
						note(used, short(p.ImportPath), rule)
					}
				}
			}
		}
	}
	for pkg, rules := range allowed {
		for _, rule := range rules {
			if !used[pkg][rule] {
				t.Errorf("%s may import %s and does not", pkg, rule)
			}
		}
	}
}

func note(used map[string]map[string]bool, pkg, rule string) {
	if used[pkg] == nil {
		used[pkg] = map[string]bool{}
	}
	used[pkg][rule] = true
}

// permits reports whether path, or the module it belongs to, is in the rules.
// Rows for packages of this module mean that package alone.
func permits(rules []string, path string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool {
		return path == rule || strings.Contains(rule, ".") && strings.HasPrefix(path, rule+"/")
	})
}

// TestTestImports keeps tests of the three parts apart, too: where a test
// needs two of them it belongs to the command.
func TestTestImports(t *testing.T) {
	part := func(path string) string {
		first, _, _ := strings.Cut(short(path), "/")
		return first
	}
	for _, p := range listPackages(t, "linux") {
		own := part(p.ImportPath)
		if own == "cmd" {
			continue
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if strings.HasPrefix(path, modulePath+"/") && part(path) != own {
				t.Errorf("tests of %s may not import %s", p.ImportPath, path)
			}
		}
	}
}

// TestImportRows finds faults of the table itself.
func TestImportRows(t *testing.T) {
	for pkg, rules := range allowed {
		for _, rule := range rules {
			_, own := allowed[rule]
			if !own && !strings.Contains(rule, ".") {
				t.Errorf("%s: %s is no package of the table", pkg, rule)
			}
			if slices.Contains(allowed[rule], pkg) {
				t.Errorf("%s and %s may import each other", pkg, rule)
			}
		}
	}
	if permits([]string{"swarm"}, "swarm/wire") || permits([]string{"golang.org/x/sys"}, "golang.org/x/system") ||
		!permits([]string{"golang.org/x/sys"}, "golang.org/x/sys/unix") {
		t.Error("permits: a rule for a package is no rule for others, one for a module is for all of it")
	}
}
