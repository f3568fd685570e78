//go:build linux

package fs

import (
	"encoding/binary"
	"io"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"bazil.org/fuse"
)

func TestReply(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tests := []struct {
		data string
		no   syscall.Errno
	}{{"", 0}, {"x", 0}, {"some bytes", 0}, {"", syscall.EINTR}, {"", syscall.EIO}}
	go func() {
		defer w.Close()
		for i, tt := range tests {
			b := replies.get(len(tt.data))
			copy(b.data(len(tt.data)), tt.data)
			b.send(int(w.Fd()), fuse.RequestID(1<<40+i), len(tt.data), int32(tt.no))
			replies.put(b)
		}
	}()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests { // struct fuse_out_header
		size := int(binary.NativeEndian.Uint32(got))
		no := int32(binary.NativeEndian.Uint32(got[4:]))
		id := binary.NativeEndian.Uint64(got[8:])
		if size != 16+len(tt.data) || no != -int32(tt.no) || id != uint64(1<<40+i) || string(got[16:size]) != tt.data {
			t.Errorf("reply %d: length %d, error %d, id %#x, want %+v", i, size, no, id, tt)
		}
		got = got[size:]
	}
}

// Data of large replies begins at a page, and a reply that was put fits.
func TestReplyPool(t *testing.T) {
	var p pool
	for _, n := range []int{0, 1, 4096, smallRead, smallRead + 1, largeRead, 1 << 20, largeRead} {
		b := p.get(n)
		if b.room() < n || len(b.data(n)) != n {
			t.Errorf("asked for %d, got %d", n, b.room())
		}
		if at := uintptr(unsafe.Pointer(&(*b)[page])); n > smallRead && at%page != 0 {
			t.Errorf("data of %d bytes begins at %#x", n, at)
		}
		p.put(b)
	}
}

// The library keeps its device where device looks; otherwise replies still
// work, but slower, and somebody should know.
func TestDevice(t *testing.T) {
	if fd := device(&fuse.Conn{}); fd != -1 {
		t.Errorf("device of no connection is %d", fd)
	}
	m := mount(t, newMem())
	if m.server.dev < 0 {
		t.Error("the library's device was not found")
	}
}

// Without the device, replies go through the library.
func TestMountLibraryReplies(t *testing.T) {
	tree := newMem()
	tree.put("f", noise(1, 300_000))
	tree.put("stuck", make([]byte, 10)).block(0)
	dir := temp(t)
	conn, err := fuse.Mount(dir, options(Config{FSName: subtype})...)
	if err != nil {
		t.Fatal(err)
	}
	f := newFiles(tree)
	s := newServer(conn, f, silent)
	syscall.Close(s.dev)
	s.dev = -1
	s.spawn()
	defer func() { s.wg.Wait(); s.hangUp() }()
	defer Unmount(dir, true)
	// Not with os.ReadFile: nobody refused polls here, see Mountpoint.ready.
	if got := run(t, "cat", dir+"/f"); got != string(noise(1, 300_000)) {
		t.Errorf("read %d bytes", len(got))
	}
	p := spawn(t, "read 0 0 "+dir+"/stuck")
	waitFor(t, "the read arrives", limit, func() bool { return tree.files["stuck"].asked.Load() > 0 })
	p.Process.Signal(os.Interrupt)
	if st := p.ended(t, limit); st.ExitStatus() != int(syscall.EINTR) {
		t.Errorf("ended with %v, want EINTR", st)
	}
}
