package mounting

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
)

// A Mounted is one line of /proc/self/mountinfo.
type Mounted struct {
	Minor uint32 // of the device number; also the name of the FUSE connection
	Path  string
	Type  string
}

// Ours reports whether it is a mount of p2pfs, of whichever process.
func (m Mounted) Ours() bool { return m.Type == Type }

// At returns the topmost mount at path, which must be absolute and without
// symbolic links. It asks only the kernel's table: no dead or deaf mount can
// hold it up.
func At(path string) (m Mounted, ok bool, err error) {
	all, err := All()
	for _, each := range all {
		if each.Path == path {
			m, ok = each, true // the last one hides those before
		}
	}
	return m, ok, err
}

// Ours reports whether a p2pfs is mounted at path, dead or alive; see At.
func Ours(path string) bool {
	m, _, _ := At(path)
	return m.Ours()
}

// All returns what is mounted, in the order in which it was.
func All() ([]Mounted, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return scan(f)
}

// scan reads a mountinfo table (proc_pid_mountinfo(5)).
func scan(r io.Reader) (all []Mounted, err error) {
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
		all = append(all, Mounted{uint32(n), unescape(fields[4]), fields[sep+1]})
	}
	return all, sc.Err()
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
