module p2pfs

go 1.26.0

require (
	bazil.org/fuse v0.0.0-20230120002735-62a210ff1fd5 // indirect
	github.com/bits-and-blooms/bitset v1.29.0 // indirect
	github.com/fsnotify/fsnotify v1.10.1 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/zeebo/bencode v1.0.0 // indirect
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
