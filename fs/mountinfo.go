//go:build linux

package fs

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
)

// subtype makes the type of our mounts "fuse.p2pfs", so that PRUNEFS and a user
// of /proc/mounts can tell them.
const subtype = "p2pfs"

// fstype is what the kernel calls our mounts.
const fstype = "fuse." + subtype

// mounted is one line of /proc/self/mountinfo.
type mounted struct {
	minor uint32 // of the device number; also the name of the FUSE connection
	path  string
	typ   string
}

// mountedAt returns the topmost mount at path, which must be resolved. It asks
// only the kernel's table: no dead or deaf mount can hold it up.
func mountedAt(path string) (mounted, bool, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return mounted{}, false, err
	}
	defer f.Close()
	var found mounted
	ok := false
	err = scanMounts(f, func(m mounted) {
		if m.path == path {
			found, ok = m, true // the last one hides those before
		}
	})
	return found, ok, err
}

// scanMounts calls yield for each line of a mountinfo table (proc(5)).
func scanMounts(r io.Reader, yield func(mounted)) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		fields := strings.Fields(sc.Text())
		sep := 6 // optional fields begin here and end with a dash
		for sep < len(fields) && fields[sep] != "-" {
			sep++
		}
		if sep+1 >= len(fields) {
			continue
		}
		_, minor, _ := strings.Cut(fields[2], ":")
		n, err := strconv.ParseUint(minor, 10, 32)
		if err != nil {
			continue
		}
		yield(mounted{uint32(n), unescape(fields[4]), fields[sep+1]})
	}
	return sc.Err()
}

// unescape takes back the octal escapes of white space and backslash.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
