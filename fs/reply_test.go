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
			if tt.no == 0 {
				b.send(int(w.Fd()), fuse.RequestID(1<<40+i), len(tt.data))
			} else {
				c := &call{of: newCalls(int(w.Fd())), req: &fuse.ReadRequest{Header: fuse.Header{ID: fuse.RequestID(1<<40 + i)}}, bare: true}
				c.answerError(tt.no)
			}
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
	for _, n := range []int{0, 1, 4096, 16 << 10, 16<<10 + 1, 128 << 10, 1 << 20, 1000, 128 << 10} {
		b := p.get(n)
		if b.room() < n || len(b.data(n)) != n {
			t.Errorf("asked for %d, got %d", n, b.room())
		}
		if at := uintptr(unsafe.Pointer(&(*b)[page])); at%page != 0 {
			t.Errorf("data of %d bytes begins at %#x", n, at)
		}
		p.put(b)
	}
}
