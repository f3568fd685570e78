//go:build linux

package main

import (
	"os"
	"strconv"
	"strings"
)

// mountType is how the kernel's table of mounts calls ours.
const mountType = "fuse.p2pfs"

// mountedAt returns the type of the filesystem whose mount point is path, a
// real path; the topmost if there are several. ok is false if there is none.
func mountedAt(path string) (fstype string, ok bool) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", false
	}
	return findMountPoint(string(table), path)
}

// findMountPoint is mountedAt for the text of a table (proc_pid_mountinfo(5)).
func findMountPoint(table, path string) (fstype string, ok bool) {
	for line := range strings.Lines(table) {
		before, after, found := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		types := strings.Fields(after)
		if found && len(fields) >= 5 && len(types) > 0 && unescapeOctal(fields[4]) == path {
			fstype, ok = types[0], true
		}
	}
	return fstype, ok
}

// unescapeOctal undoes the kernel's \040 for a space and its like.
func unescapeOctal(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+4 > len(s) {
			b.WriteString(s)
			return b.String()
		}
		c, err := strconv.ParseUint(s[i+1:i+4], 8, 8)
		if err != nil {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		b.WriteByte(byte(c))
		s = s[i+4:]
	}
}
