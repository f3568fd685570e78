//go:build linux

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestLargeFile copies 300 MiB through two mounts: the bytes that went in come
// out.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	const size = 300 << 20
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	f, err := os.Create(a.share("large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	sent := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, sent), rand.NewChaCha8([32]byte{1}), size)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	within(t, 3*patience, func() error {
		info, err := os.Stat(b.mnt("large.bin"))
		if err == nil && info.Size() != size {
			err = fmt.Errorf("%d bytes", info.Size())
		}
		return err
	})
	t.Logf("seen after %v", time.Since(began))
	for _, m := range []*mounted{a, b, b} {
		began := time.Now()
		f, err := os.Open(m.mnt("large.bin"))
		if err != nil {
			t.Fatal(err)
		}
		got := sha256.New()
		n, err := io.Copy(got, f)
		f.Close()
		if err != nil || n != size || [32]byte(got.Sum(nil)) != [32]byte(sent.Sum(nil)) {
			t.Fatalf("%s: read %d bytes, %v, with SHA-256 %x, want %x", m.name, n, err, got.Sum(nil), sent.Sum(nil))
		}
		t.Logf("%s read it in %v", m.name, time.Since(began))
	}
	within(t, patience, func() error { // counted as it comes
		if n := status(t, b).Traffic.Downloaded; n < size || n > size+size/50 {
			return fmt.Errorf("bob fetched %d bytes for a file of %d", n, size)
		}
		return nil
	})
}
