package control

// Source is a torrent as a user gives it: one of the two is set.
type Source struct {
	Magnet  string `json:"magnet,omitempty"`
	Torrent []byte `json:"torrent,omitempty"` // a .torrent's bytes
}

// Location is a file in the mount, or in the share directory.
type Location struct {
	Share bool   // Path is below the share directory, else below the mount point
	Path  string // slash separated; "" is the directory itself
}
