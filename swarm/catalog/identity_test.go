package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestLoadIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	id, err := LoadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	again, err := LoadIdentity(path)
	if err != nil || again.Key() != id.Key() {
		t.Errorf("got %v, %v, want %v", again.Key(), err, id.Key())
	}
	msg := []byte("message")
	sig := again.Sign(msg)
	if !id.Key().Verify(msg, sig[:]) || id.Key().Verify([]byte("other"), sig[:]) || id.Key().Verify(msg, sig[:63]) {
		t.Error("signature does not do its work")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("files left: %v", left)
	}
}

func TestLoadIdentityMakesOneKeyForAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var keys [8]Key
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			if id, err := LoadIdentity(path); err != nil {
				t.Error(err)
			} else {
				keys[i] = id.Key()
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatalf("two keys were made: %v and %v", k, keys[0])
		}
	}
}

func TestLoadIdentityRefuses(t *testing.T) {
	good := keyPrefix + strings.Repeat("0a", 32) + "\n"
	for _, c := range []struct {
		name, data string
		mode       os.FileMode
		want       string
	}{
		{"readable by others", good, 0o644, "mode 0644"},
		{"empty", "", 0o600, "not a key file"},
		{"no prefix", good[3:], 0o600, "not a key file"},
		{"short", good[:len(good)-3], 0o600, "not a key file"},
		{"no hex", strings.Replace(good, "0a", "xy", 1), 0o600, "not a key file"},
		{"huge", good + strings.Repeat("\n", 5000), 0o600, "not a key file"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.data), c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadIdentity(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if data, _ := os.ReadFile(path); string(data) != c.data {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
	if _, err := LoadIdentity(filepath.Join(t.TempDir(), "none", "key")); err == nil {
		t.Error("no directory: no error")
	}
	if _, err := LoadIdentity(t.TempDir()); err == nil {
		t.Error("a directory: no error")
	}
}

func TestParseKey(t *testing.T) {
	k := seeded(1).Key()
	if got, err := ParseKey(k.String()); err != nil || got != k {
		t.Errorf("got %v, %v", got, err)
	}
	if k.Short() != k.String()[:16] {
		t.Errorf("short: %s", k.Short())
	}
	for _, s := range []string{"", "00", k.String()[:63], k.String() + "00", strings.Repeat("x", 64)} {
		if _, err := ParseKey(s); err == nil {
			t.Errorf("%q: no error", s)
		}
	}
}
