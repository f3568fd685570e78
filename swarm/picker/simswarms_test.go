package picker_test

import (
	"flag"
	"fmt"
	"math/rand"
	"reflect"
	"testing"
	"time"
)

var peers = flag.Int("sim.peers", 0, "leechers of TestSimTable, which prints a table of large swarms; 0: leave it out")

var only = flag.String("sim.only", "", "the one swarm of TestSimTable to play")

const mib = 1 << 20

// swarms are those that are played, each with n leechers.
func swarms(n int) []struct {
	name string
	Config
	most float64 // the last one's time in fluid limits
} {
	base := Config{
		Seed: 1, Leechers: n, Seeds: 1, Pieces: 128, Blocks: 16, SeedUp: 2 * mib,
		Up: []float64{mib / 2}, Down: []float64{8 * mib}, RTT: 50 * time.Millisecond,
	}
	with := func(change func(*Config)) Config {
		c := base
		change(&c)
		return c
	}
	mixed := []float64{mib / 8, mib / 4, mib / 2, mib}
	return []struct {
		name string
		Config
		most float64
	}{
		{"all at once", base, 1.5},
		{"nothing suggested", with(func(c *Config) { c.NoSuggest = true }), 1.5},
		{"no limits known", with(func(c *Config) { c.NoLimits = true }), 1.6},
		{"slow seed", with(func(c *Config) { c.SeedUp = mib / 2 }), 1.6},
		{"seed leaves", with(func(c *Config) { c.SeedsLeave = 1.5 }), 1.6},
		{"leechers leave", with(func(c *Config) { c.Leave = true }), 1.6},
		{"mixed rates", with(func(c *Config) { c.Up, c.Down = mixed, []float64{mib, 2 * mib, 4 * mib, 8 * mib} }), 1.7},
		{"free riders", with(func(c *Config) { c.FreeRiders = 4 }), 1.5},
		{"200 ms", with(func(c *Config) { c.RTT = 200 * time.Millisecond }), 1.5},
		{"Poisson", with(func(c *Config) {
			at := time.Duration(0)
			c.Arrive = func(_ int, rng *rand.Rand) time.Duration {
				at += seconds(rng.ExpFloat64() * 60 / float64(n))
				return at
			}
		}), 1.5},
		{"flash crowd", with(func(c *Config) {
			c.Arrive = func(_ int, rng *rand.Rand) time.Duration { return seconds(rng.ExpFloat64() * 10) }
		}), 1.5},
		{"4 seeds, 8 MiB up", with(func(c *Config) { c.Seeds = 4; c.Up = []float64{8 * mib} }), 2.6},
	}
}

// TestSim holds small swarms to a multiple of the fluid limit.
func TestSim(t *testing.T) {
	for _, s := range swarms(24) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.Pieces = 48
			r := Run(s.Config)
			t.Log(row(s.name, r))
			if r.Left > 0 || r.Factor() > s.most {
				t.Errorf("%d did not finish, the last took %.2f of the fluid limit, want at most %.2f", r.Left, r.Factor(), s.most)
			}
			if r.Factor() < 1 {
				t.Errorf("the last took %.3f of the least time there is: the simulation is wrong", r.Factor())
			}
		})
	}
}

// TestSimIsDeterministic plays one swarm twice.
func TestSimIsDeterministic(t *testing.T) {
	c := swarms(12)[5].Config
	c.Pieces = 16
	if a, b := Run(c), Run(c); !reflect.DeepEqual(a, b) {
		t.Errorf("%+v\nthen\n%+v", a, b)
	}
}

// TestSimTable prints large swarms when asked to:
//
//	go test -run SimTable -v ./swarm/picker -sim.peers 1000
func TestSimTable(t *testing.T) {
	if *peers == 0 {
		return
	}
	fmt.Printf("%-20s %8s %8s %8s %8s %8s %7s %7s %8s\n", "swarm", "fluid s", "median", "p90", "last", "x fluid", "copies", "twice %", "run s")
	for _, s := range swarms(*peers) {
		if *only != "" && *only != s.name {
			continue
		}
		began := time.Now()
		r := Run(s.Config)
		fmt.Printf("%s %8.1f\n", row(s.name, r), time.Since(began).Seconds())
	}
}

func row(name string, r Result) string {
	return fmt.Sprintf("%-20s %8.1f %8.1f %8.1f %8.1f %8.2f %7.2f %7.2f", name, r.Fluid.Seconds(),
		r.At(0.5).Seconds(), r.At(0.9).Seconds(), r.Last.Seconds(), r.Factor(), r.SeedSent, 100*r.Twice)
}
