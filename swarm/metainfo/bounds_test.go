//go:build linux

package metainfo

import (
	"math/bits"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/hashing"
)

// longLayer is a torrent of a file of n pieces, with its layer.
func longLayer(n int) string {
	layer := make([]Hash256, n)
	for i := range layer {
		layer[i] = Hash256{byte(i), byte(i >> 8), byte(i >> 16), 1}
	}
	root := hashing.Root(layer, 1<<bits.Len(uint(n-1)))
	return "d4:infod9:file treed1:fd0:d6:lengthi" + strconv.Itoa(n*hashing.BlockSize) + "e11:pieces root" + str(string(root[:])) +
		"eee12:meta versioni2e4:name1:f12:piece lengthi16384ee12:piece layersd" + str(string(root[:])) + str(string(hashing.JoinHashes(layer))) + "ee"
}

// costly is a torrent that is made to cost.
type costly struct {
	name string
	race bool // also under the race detector, where all takes ten times as long
	ok   bool
	in   func() string
}

func costlies(t *testing.T) []costly {
	info := func(raw string) string { return "d4:info" + raw + "e" }
	small := info("d6:lengthi1e4:name1:f12:piece lengthi16384e6:pieces20:" + pieces(1) + "e")
	deep := strings.Repeat("1:xd", 63)
	return []costly{
		{"100 000 files", true, true, func() string { return info(rawList(each(MaxFiles, emptyEntry), 0)) }},
		{"100 001 files", false, false, func() string { return info(rawList(each(MaxFiles+1, emptyEntry), 0)) }},
		{"files of names of 150", false, true, func() string {
			return info(rawList(each(90_000, func(i int) string {
				return "d6:lengthi0e4:pathl" + str(strings.Repeat("x", 146)+short(i)) + "ee"
			}), 0))
		}},
		{"deep files", false, true, func() string {
			return info(rawList(each(MaxFiles*6/10, func(i int) string {
				return "d6:lengthi0e4:pathl" + strings.Repeat("1:x", 50) + str(short(i)) + "ee"
			}), 0))
		}},
		{"pads", true, true, func() string {
			return info(rawList("d6:lengthi0e4:pathl1:aee"+strings.Repeat("d4:attr1:p6:lengthi0ee", MaxFiles), 0))
		}},
		{"too many pads", false, false, func() string {
			return info(rawList("d6:lengthi0e4:pathl1:aee"+strings.Repeat("d4:attr1:p6:lengthi0ee", MaxFiles+1), 0))
		}},
		{"links", false, true, func() string {
			return info(rawList("d6:lengthi0e4:pathl1:aee"+each(MaxFiles-1, func(i int) string {
				return "d4:attr1:l4:pathl" + str(short(i)) + "e12:symlink pathl1:aee"
			}), 0))
		}},
		{"all the same", false, false, func() string { return info(rawList(strings.Repeat("d6:lengthi0e4:pathl1:aee", MaxFiles), 0)) }},
		{"tree of 100 000", false, true, func() string { return info(rawTree(each(MaxFiles, emptyLeaf))) }},
		{"tree of 100 001", true, false, func() string { return info(rawTree(each(MaxFiles+1, emptyLeaf))) }},
		{"tree of the shortest names", false, false, func() string { return info(rawTree(grouped(90_000))) }},
		{"tree of the shortest names, less", false, true, func() string { return info(rawTree(grouped(30_000))) }},
		{"tree of usual names", false, true, func() string {
			return info(rawTree(strings.Repeat("3:usrd", 8) + each(90_000, func(i int) string {
				return str(short(i)+".html") + "d0:d6:lengthi1e11:pieces root32:" + root(1) + "ee"
			}) + strings.Repeat("e", 8)))
		}},
		{"tree of deep files", false, false, func() string { return info(rawTree(deep + each(90_000, emptyLeaf) + strings.Repeat("e", 63))) }},
		{"tree of directories", false, false, func() string { return info(rawTree(each(1<<20, func(i int) string { return str(short(i)) + "de" }))) }},
		{"hybrid of 100 000", false, true, func() string { return info(rawHybrid(each(MaxFiles, emptyLeaf), each(MaxFiles, emptyEntry))) }},
		{"same roots", false, true, func() string {
			return info(rawTree(each(MaxFiles, func(i int) string {
				return str(short(i)) + "d0:d6:lengthi1e11:pieces root32:" + root(1) + "ee"
			})))
		}},
		{"2^20 pieces of 1", true, true, func() string {
			return info("d6:lengthi700000e4:name1:f12:piece lengthi1e6:pieces14000000:" + pieces(700_000) + "e")
		}},
		{"4 million tiers", false, true, func() string { return "d13:announce-listl" + strings.Repeat("le", 4<<20-100) + "e" + small[1:] }},
		{"4 million trackers", false, true, func() string { return "d13:announce-listll" + strings.Repeat("1:a", 4<<20-100) + "ee" + small[1:] }},
		{"different trackers", false, true, func() string {
			return "d13:announce-listll" + each(1<<20, func(i int) string { return str(short(i)) }) + "ee" + small[1:]
		}},
		{"4 million strings", false, true, func() string { return strings.TrimSuffix(small, "e") + "1:xl" + strings.Repeat("0:", 4<<20-100) + "ee" }},
		{"5 million strings", false, false, func() string { return strings.TrimSuffix(small, "e") + "1:xl" + strings.Repeat("0:", 5<<20) + "ee" }},
		{"web seeds", false, true, func() string {
			return strings.TrimSuffix(small, "e") + "8:url-listl" + each(1<<20, func(i int) string { return str(short(i)) }) + "ee"
		}},
		{"many lists", false, true, func() string {
			return "d1:A" + strings.Repeat("l", 60) + strings.Repeat("le", 3<<20) + strings.Repeat("e", 60) + small[1:]
		}},
		{"16 MiB of l", true, false, func() string { return strings.Repeat("l", 16<<20) }},
		{"16 MiB of d0:", true, false, func() string { return strings.Repeat("d0:", 5<<20) }},
		{"17 MiB", false, false, func() string { return info("d4:name" + str(strings.Repeat("x", 17<<20)) + "e") }},
		{"keys of 16 MiB", false, false, func() string { return "d" + each(1<<20, func(i int) string { return str(short(i)) + "i0e" }) + "e" }},
		{"a layer of 500 000", false, true, func() string { return longLayer(500_000) }},
		{"layers of no file", true, false, func() string {
			return strings.TrimSuffix(info(string(encode(t, single2))), "e") + "12:piece layersd" +
				each(200_000, func(i int) string { return str(short(i)+strings.Repeat("x", 28)) + "32:" + root(2) }) + "ee"
		}},
	}
}

// TestBounds parses what is made to cost: at most a second, and eight times
// the input.
func TestBounds(t *testing.T) {
	for _, c := range costlies(t) {
		if raceEnabled && !c.race {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			data := []byte(c.in())
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m, err := Parse(data)
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(m)
			if (err == nil) != c.ok {
				t.Errorf("got %.200v, want ok %v", err, c.ok)
			}
			// All that is allocated, which is more than is in use at once.
			used := after.TotalAlloc - before.TotalAlloc
			if used > uint64(8*len(data)+1<<20) {
				t.Errorf("%d bytes allocated for %d", used, len(data))
			}
			t.Logf("%d bytes, %.1f times that allocated", len(data), float64(used)/float64(len(data)))
			if raceEnabled {
				return
			}
			start := cpuTime(t)
			Parse(data)
			if took := cpuTime(t) - start; took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// cpuTime returns what the process has used, because other processes may have
// the machine.
func cpuTime(t *testing.T) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
