package cache

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	crashEnv    = "P2PFS_CACHE_CRASH_DIR"
	crashRounds = 20
	crashPieces = 64
	crashSize   = 48*unit + 1000 // not a whole number of pieces
)

// crashPiece is the i-th piece of the crash test.
func crashPiece(i int) (Key, []byte) { return piece("12"[i%2], uint64(i), unit/2+i*1000) }

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		crashChild(dir)
	}
	os.Exit(m.Run())
}

// crashChild is the process that TestCrash kills: it puts, reads and evicts
// at random and says so line by line. It does not return.
func crashChild(dir string) {
	s, err := Open(Config{Dir: dir, Size: crashSize / 2})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		i := rand.IntN(crashPieces)
		k, data := crashPiece(i)
		if n%3 == 0 {
			s.ReadAt(k, make([]byte, 100), 0)
		}
		if err := s.Put(k, blocksOf(data)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// TestCrash kills a process at random moments and looks at what it left.
func TestCrash(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 4))
	rounds := crashRounds
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		last := crashRound(t, self, dir, 1+r.IntN(150))
		afterCrash(t, dir, round, last, r)
	}
}

// crashRound runs the child until it has said so many lines, kills it and
// returns the last piece that it had stored.
func crashRound(t *testing.T, self, dir string, lines int) (last int) {
	t.Helper()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	in := bufio.NewScanner(out)
	for range lines {
		if !in.Scan() {
			t.Error("child ended by itself")
			break
		}
		if _, err := fmt.Sscan(in.Text(), &last); err != nil {
			t.Fatalf("child says %q", in.Text())
		}
	}
	must(t, cmd.Process.Kill())
	for in.Scan() { // said before it died
		fmt.Sscan(in.Text(), &last)
	}
	cmd.Wait()
	return last
}

// afterCrash opens what the child left: every piece is whole, the last one
// stored is there, nothing half is left, and no piece that was damaged (as by
// a loss of power) is taken for good.
func afterCrash(t *testing.T, dir string, round, last int, r *rand.Rand) {
	t.Helper()
	hurt := make(map[Key]bool)
	if round%2 == 1 {
		hurt = hurtSome(t, dir, r)
	}
	s := open(t, Config{Dir: dir, Size: crashSize})
	if used, odd := onDisk(t, dir); used > s.table.used || used != s.table.used && len(hurt) == 0 || odd != nil {
		t.Errorf("round %d: on disk %d and %q, want %d", round, used, odd, s.table.used)
	}
	if k, _ := crashPiece(last); !s.Has(k) && !hurt[k] {
		t.Errorf("round %d: piece %d, stored before the kill, is lost", round, last)
	}
	for i := range crashPieces {
		k, data := crashPiece(i)
		if !s.Has(k) {
			continue
		}
		got := make([]byte, len(data))
		_, err := s.ReadAt(k, got, 0)
		if (err != nil) != hurt[k] || err == nil && string(got) != string(data) {
			t.Errorf("round %d: piece %d: got %v, damaged %v, or wrong bytes", round, i, err, hurt[k])
		}
	}
	s.check(t)
	closeStore(t, s)
}

// hurtSome cuts or zeroes some pieces, without a trace in their times.
func hurtSome(t *testing.T, dir string, r *rand.Rand) map[Key]bool {
	t.Helper()
	hurt := make(map[Key]bool)
	for i := range crashPieces {
		k, data := crashPiece(i)
		path := filepath.Join(dir, pathName(k))
		fi, err := os.Stat(path)
		if err != nil || r.IntN(4) > 0 {
			continue
		}
		size := int64(len(data))
		cut := r.Int64N(size)
		must(t, os.Truncate(path, cut))
		if r.IntN(2) == 0 {
			must(t, os.Truncate(path, size)) // zeros behind the cut
		}
		must(t, os.Chtimes(path, fi.ModTime(), fi.ModTime()))
		hurt[k] = true
	}
	return hurt
}
