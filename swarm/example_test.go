package swarm_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"p2pfs/swarm"
	"p2pfs/swarm/disk"
	"p2pfs/swarm/metainfo"
)

// A torrent is fetched into a directory, and read while it comes.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	torrent, seeder, end := seed(ctx)
	defer end()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	client, err := swarm.New(swarm.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	t, err := client.Add(swarm.Spec{
		MetaInfo: torrent, Peers: []netip.AddrPort{seeder}, Everything: true,
		Storage: func(m *metainfo.MetaInfo) (swarm.Storage, error) {
			return disk.Open(disk.Config{MetaInfo: m, Dir: dir})
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	head := make([]byte, 5)
	r := t.NewReader(0)
	defer r.Close()
	if _, err := r.ReadAt(ctx, head, 0); err != nil { // of file 0; waits for one block
		log.Fatal(err)
	}
	if err := t.Wait(ctx); err != nil { // for all of it
		log.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, torrent.Info.Name))
	fmt.Println(string(head), len(data), err)
	// Output: hello 600000 <nil>
}

// seed makes a torrent of a file and serves it.
func seed(ctx context.Context) (torrent *metainfo.MetaInfo, at netip.AddrPort, end func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "greetings.txt")
	if err := os.WriteFile(path, bytes.Repeat([]byte("hello "), 100_000), 0o600); err != nil {
		log.Fatal(err)
	}
	if torrent, err = metainfo.Create(ctx, path, metainfo.CreateOptions{V2: true}); err != nil {
		log.Fatal(err)
	}
	client, err := swarm.New(swarm.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Add(swarm.Spec{
		MetaInfo: torrent,
		Storage: func(m *metainfo.MetaInfo) (swarm.Storage, error) {
			d, err := disk.Open(disk.Config{MetaInfo: m, Data: path})
			if err == nil {
				err = d.Check(ctx, nil)
			}
			return d, err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return torrent, client.Addr(), func() { client.Close(); os.RemoveAll(dir) }
}
