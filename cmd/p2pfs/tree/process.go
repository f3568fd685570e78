//go:build linux

package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"p2pfs/swarm/hashing"
)

// process is one that reads what is not here.
type process struct {
	pid     int
	name    string
	refused bool // by its name
	files   map[string]*look
	pulled  int64     // bytes that were fetched for looks
	since   time.Time // when pulled was last made less
	said    bool      // the log was told
	used    time.Time
}

// look is what a process has read of a file that was not here.
type look struct {
	size, bytes int64
	unit        int64 // the last that was counted
	used        time.Time
}

// spent tells whether p has had its limit. It gets it anew in the course of an
// hour.
func (p *process) spent(limit int64, now time.Time) bool {
	back := int64(float64(limit) * min(1, now.Sub(p.since).Hours()))
	if back >= limit/64 {
		p.pulled, p.since = max(0, p.pulled-back), now
	}
	return p.pulled >= limit
}

// look is what p has read of a file.
func (p *process) look(path string, size int64, now time.Time) *look {
	l := p.files[path]
	if l == nil {
		if len(p.files) >= maxScanned {
			oldest := ""
			for f, o := range p.files {
				if oldest == "" || o.used.Before(p.files[oldest].used) {
					oldest = f
				}
			}
			delete(p.files, oldest)
		}
		l = &look{size: size, unit: -1}
		p.files[path] = l
	}
	l.used = now
	return l
}

// scanning tells whether p has looked into many files, apart from the one it
// reads now, and read few.
func (p *process) scanning(except string) bool {
	looks, read := 0, 0
	for path, l := range p.files {
		switch {
		case path == except:
		case l.bytes < l.size/scanPart:
			looks++
		default:
			read++
		}
	}
	return looks >= scanFiles && looks > 3*read
}

// count notes a read of n bytes at off, and returns how many have to be fetched
// for it, in units of so many bytes.
func (l *look) count(off, n, unit int64) (bytes int64) {
	for u := off / unit; u <= (off+n-1)/unit; u++ {
		if u != l.unit {
			bytes += min(unit, l.size-u*unit)
			l.unit = u
		}
	}
	l.bytes += bytes
	return bytes
}

// unit is how many bytes of a file come at once, at least.
func (c *reading) unit() int64 {
	if t := c.node.Torrent; t != nil && !t.Info.V2 {
		return t.Info.PieceLength
	}
	return hashing.BlockSize
}

// processOf returns the process that a thread belongs to, and its names: the
// kernel's and the program's.
func processOf(tid int) (pid int, names []string, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "Tgid:"); ok {
			if pid, err = strconv.Atoi(strings.TrimSpace(v)); err != nil {
				return 0, nil, err
			}
		}
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return 0, nil, err
	}
	names = []string{strings.TrimSuffix(string(comm), "\n")}
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
		names = append(names, strings.TrimSuffix(filepath.Base(exe), " (deleted)"))
	}
	return pid, names, nil
}
