package carrier

import (
	"net"
	"testing"
)

func listening(t *testing.T, addr string) *TCP {
	t.Helper()
	c, err := ListenTCP(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestTCP: what is dialled leaves from the address that is listened on, and two that
// name no port both find one.
func TestTCP(t *testing.T) {
	a, b := listening(t, "127.0.6.1"), listening(t, "127.0.6.1")
	if a.Addr() == b.Addr() || a.Addr().Port() < firstPort {
		t.Errorf("listen at %v and %v", a.Addr(), b.Addr())
	}
	far := listening(t, "127.0.6.2:0")
	near, err := a.Dial(t.Context(), far.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	in, err := far.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if got := in.RemoteAddr().(*net.TCPAddr).IP.String(); got != "127.0.6.1" {
		t.Errorf("dialled from %s", got)
	}
	if Identity(in) != nil || string(Identity(proven{in})) != "proven" {
		t.Error("what TCP proves, or another carrier does not")
	}
	if _, err := ListenTCP("127.0.6.2:no"); err == nil {
		t.Error("a port that is none is listened on")
	}
}

type proven struct{ net.Conn }

func (proven) Identity() []byte { return []byte("proven") }
