package drive

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/book"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/wire"
)

// hello1 is a hello of version 1, as it was recorded: of a member called bob.
const hello1 = "64313a6b33323ad9246abf498968a171fa1902b4aa9683dd1fd6288a87e07180c9a00ab40e44e4313a6e333a626f62313a70693638383165" +
	"313a7336343a144f8c54190bd95c0f1e32539c58f43a2c5f4320404b2943aba59022f062d78fbed95df62a083add50f74eb6c9e6013b44d9945b" +
	"1f053eeae06780307b07d202313a74353a68656c6c6f313a7669316565"

// outsider is one who knows a drive's rendezvous and not its key, as every
// tracker does. It writes bytes and keeps all that it reads.
type outsider struct {
	net.Conn
	mu    sync.Mutex
	heard []byte
	ended chan struct{} // closed when the other side has closed
}

func newOutsider(c net.Conn) *outsider {
	o := &outsider{Conn: c, ended: make(chan struct{})}
	go func() {
		defer close(o.ended)
		b := make([]byte, 4<<10)
		for {
			n, err := c.Read(b)
			o.mu.Lock()
			o.heard = append(o.heard, b[:n]...)
			o.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return o
}

// shake sends what any client of that swarm can: both handshakes, with a nonce.
func (o *outsider) shake() {
	hs := wire.Handshake{InfoHash: testKey.Rendezvous(), PeerID: [20]byte{'-', 'X', 'X'}}
	hs.SetExtended()
	o.Write(wire.AppendHandshake(nil, hs))
	o.Write(extended())
}

// extended is an extended handshake with a nonce.
func extended() []byte {
	return wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{
		M:     map[string]int{"p2pfs": 1},
		Extra: map[string]bencode.RawMessage{"p2pfs_nonce": []byte("32:" + strings.Repeat("n", 32))},
	})
}

func (o *outsider) say(body []byte) { o.Write(wire.AppendExtended(nil, 1, body)) }

// said returns all that was heard.
func (o *outsider) said() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.heard)
}

// learnt returns which of a member's secrets were heard.
func (o *outsider) learnt(nd *pnode) (list []string) {
	heard := o.said()
	key := nd.cfg.Identity.Key()
	for what, secret := range map[string][]byte{
		"key": key[:], "key in hex": []byte(key.String()), "16 digits": []byte(key.String()[:16]), "name": []byte(nd.cfg.Name),
		"drive key": nd.cfg.Key[:],
	} {
		if bytes.Contains(heard, secret) {
			list = append(list, what)
		}
	}
	return list
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// attempts are what an outsider may say behind the handshakes.
func attempts(t *testing.T) map[string][]byte {
	key := ident(66).Key()
	sig := ident(66).Sign([]byte("anything"))
	return map[string][]byte{
		"nothing":              nil,
		"a hello of version 1": unhex(t, hello1),
		"a proof of zeros":     []byte("d1:m32:" + rep("\x00", 32) + "1:t5:prove1:vi2ee"),
		"a hello at once": []byte("d1:bi1e1:ci1e1:k32:" + string(key[:]) + "1:m32:" + rep("m", 32) + "1:n1:x1:pi1e1:s64:" +
			string(sig[:]) + "1:t5:hello1:vi2ee"),
		"a question": []byte("d1:r32:" + rep("r", 32) + "1:t3:whoe"),
	}
}

// Who knows the rendezvous only learns neither name nor key of whom he dials,
// nor anything of the catalogue, and is closed without a word.
func TestWhoDialsWithoutTheDriveKeyLearnsNothing(t *testing.T) {
	for name, body := range attempts(t) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a := pipeMember(t, p, 1, func(c *Config) { c.Name = "annabel-the-first" })
				a.share(file("secret.txt", 1))
				c, err := pipeDialer{p, netip.MustParseAddrPort("10.0.1.5:6881")}.Dial(t.Context(), a.addr)
				if err != nil {
					t.Fatal(err)
				}
				o := newOutsider(c)
				o.shake()
				time.Sleep(time.Second)
				before := len(o.said())
				if body != nil {
					o.say(body)
				}
				start := time.Now()
				<-o.ended
				c.Close()
				if d := time.Since(start); body != nil && d > time.Second || d > gather.Time {
					t.Errorf("closed after %v", d)
				}
				if list := o.learnt(a); list != nil {
					t.Errorf("heard the member's %v", list)
				}
				if more := o.said()[before:]; len(more) != 0 {
					t.Errorf("answered with %q", more)
				}
			})
		})
	}
}

// Nor does who is dialled: anybody can have himself announced by a tracker.
func TestWhoIsDialledWithoutTheDriveKeyLearnsNothing(t *testing.T) {
	for name, body := range attempts(t) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a := pipeMember(t, p, 1, func(c *Config) { c.Name = "annabel-the-first" })
				a.share(file("secret.txt", 1))
				addr := netip.MustParseAddrPort("10.0.1.5:6881")
				met := make(chan *outsider, 100)
				p.host(addr, func(c net.Conn) {
					o := newOutsider(c)
					o.shake()
					if body != nil {
						o.say(body)
					}
					<-o.ended
					c.Close()
					met <- o
				})
				a.Swarm().Add([]netip.AddrPort{addr}, book.Before)
				o := <-met
				if list := o.learnt(a); list != nil {
					t.Errorf("heard the member's %v", list)
				}
			})
		})
	}
}

// A member of the first version is refused in either role, learns nothing new
// of us, and is said to be what he is.
func TestMembersOfTheFirstVersionAreTold(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		var log lockedLog
		a := pipeMember(t, p, 1, func(c *Config) { c.Name, c.Log = "annabel-the-first", log.logger() })
		addr := netip.MustParseAddrPort("10.0.1.5:6881")
		met := make(chan *outsider, 100)
		p.host(addr, func(c net.Conn) {
			o := newOutsider(c)
			o.shake()
			o.say(unhex(t, hello1))
			<-o.ended
			c.Close()
			met <- o
		})
		a.Swarm().Add([]netip.AddrPort{addr}, book.Before)
		dialled := <-met
		time.Sleep(time.Second)
		from := netip.MustParseAddrPort("10.0.1.6:6881")
		if got := a.Outdated(); len(got) != 1 || got[0].Name != "bob" || got[0].Addr.Addr() != addr.Addr() {
			t.Errorf("dialled: got %+v", got)
		}
		c, err := pipeDialer{p, from}.Dial(t.Context(), a.addr)
		if err != nil {
			t.Fatal(err)
		}
		o := newOutsider(c)
		o.shake()
		o.say(unhex(t, hello1))
		<-o.ended
		c.Close()
		time.Sleep(time.Second)
		for _, o := range []*outsider{dialled, o} {
			if list := o.learnt(a); list != nil {
				t.Errorf("heard the member's %v", list)
			}
		}
		got := a.Outdated()
		if !slices.ContainsFunc(got, func(x Outdated) bool { return x.Addr.Addr() == from.Addr() && x.Name == "bob" }) {
			t.Errorf("who dialled us: got %+v", got)
		}
		if n := strings.Count(log.String(), "older p2pfs"); n != 2 {
			t.Errorf("%d lines of log, want one for each address: %s", n, log.String())
		}
		if n := len(a.Members()); n != 0 {
			t.Errorf("%d members", n)
		}
	})
}

// Whoever says that he is of the first version fills neither memory nor log.
func TestNotesOfOldVersionsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		var log lockedLog
		a := pipeMember(t, p, 1, func(c *Config) { c.Log = log.logger() })
		for i := range 120 {
			c, err := pipeDialer{p, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i / 2)}), 6881)}.Dial(t.Context(), a.addr)
			if err != nil {
				t.Fatal(err)
			}
			o := newOutsider(c)
			o.shake()
			o.say(unhex(t, hello1))
			<-o.ended
			c.Close()
		}
		if n := len(a.Outdated()); n == 0 || n > 16 {
			t.Errorf("%d are noted", n)
		}
		if n := strings.Count(log.String(), "older p2pfs"); n > 16 {
			t.Errorf("%d lines of log", n)
		}
		time.Sleep(2 * time.Hour)
		if got := a.Outdated(); len(got) != 0 {
			t.Errorf("never forgotten: %+v", got)
		}
	})
}
