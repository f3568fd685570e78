package drive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// ext frames a p2pfs message by hand.
func ext(body string) []byte { return wire.AppendExtended(nil, 1, []byte(body)) }

// Each of these breaks the protocol after a good handshake: the connection is
// closed at once, and the others notice nothing.
func TestMembersThatBreakTheProtocol(t *testing.T) {
	prefix := func(n uint32, id byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, n), id)
	}
	for name, send := range map[string]func(s *stranger){
		"length of 4 GiB":        func(s *stranger) { s.Queue(prefix(1<<32-1, wire.MsgExtended)) },
		"length of 2 GiB":        func(s *stranger) { s.Queue(prefix(1<<31, wire.MsgExtended)) },
		"p2pfs message of 1 MiB": func(s *stranger) { s.Queue(append(prefix(1<<20, wire.MsgExtended), 1)) },
		"have of 5000 bytes":     func(s *stranger) { s.Queue(prefix(5000, wire.MsgHave)) },
		"unknown id of 100 MiB":  func(s *stranger) { s.Queue(prefix(100<<20, 99)) },
		"no bencode":             func(s *stranger) { s.Queue(ext("junk")) },
		"empty":                  func(s *stranger) { s.Queue(ext("")) },
		"nested":                 func(s *stranger) { s.Queue(ext(rep("l", 100_000) + rep("e", 100_000))) },
		"nested dictionaries":    func(s *stranger) { s.Queue(ext(rep("d1:a", 40_000))) },
		"string length lies":     func(s *stranger) { s.Queue(ext("d1:d99999999999:x1:t6:objecte")) },
		"trailing bytes":         func(s *stranger) { s.Queue(ext("d1:r32:" + rep("r", 32) + "1:t3:whoee")) },
		"second hello": func(s *stranger) {
			s.Say(message.Hello{Version: message.Version, Key: s.id.Key(), Name: "x"})
		},
		"forged head": func(s *stranger) {
			h := s.head(5, catalog.Hash{1})
			h.Sig[0]++
			s.Say(message.Heads{Heads: []catalog.Head{h}})
		},
		"another's head with our key": func(s *stranger) {
			h := s.head(5, catalog.Hash{1})
			h.Key = ident(77).Key()
			s.Say(message.Heads{Heads: []catalog.Head{h}})
		},
		"head replayed from another drive": func(s *stranger) {
			s.Say(message.Heads{Heads: []catalog.Head{s.headIn(catalog.Salt{9}, 5, catalog.Hash{1})}})
		},
		"head of huge seq": func(s *stranger) {
			s.Queue(ext("d1:hl" + strings.Replace(string(testHeadBytes(s)), "seqi5e", "seqi9223372036854775807e", 1) + "e1:t5:headse"))
		},
		"objects nobody asked for": func(s *stranger) {
			for range 100 {
				s.Queue(ext("d1:d16384:" + rep("x", 16384) + "1:t6:objecte"))
			}
		},
		"nones nobody asked for": func(s *stranger) {
			for i := range 12_000 {
				s.Queue(ext(string(message.None{Hashes: []catalog.Hash{{byte(i), byte(i >> 8)}, {1}, {2}}}.Encode())))
			}
		},
		"holds nobody asked for": func(s *stranger) {
			for range 20_000 {
				s.Queue(ext(string(message.Holds{File: hashing.Content{Root: catalog.Hash{1}, Size: 1}}.Encode())))
			}
		},
		"flood of keep-alives": func(s *stranger) { s.flood(bytes.Repeat(wire.AppendKeepAlive(nil), 2000)) },
		"flood of haves":       func(s *stranger) { s.flood(bytes.Repeat(wire.AppendHave(nil, 1), 2000)) },
		"flood of future types": func(s *stranger) {
			s.flood(bytes.Repeat(ext("d1:t6:futuree"), 2000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
				b.join(a)
				time.Sleep(time.Second)
				s := a.call(3).meet()
				go drain(s)
				time.Sleep(time.Second)
				if !a.connected(s.id.Key()) {
					t.Fatal("not connected")
				}
				send(s)
				time.Sleep(2 * time.Second)
				if a.connected(s.id.Key()) {
					t.Error("still connected")
				}
				a.share(file("x", 1))
				time.Sleep(time.Second)
				if !b.has("x") || !b.connected(a.cfg.Identity.Key()) {
					t.Error("the honest member suffers")
				}
				if len(a.View().Members()) != 1 {
					t.Error("something was taken in")
				}
			})
		})
	}
}

func testHeadBytes(s *stranger) []byte {
	h := s.head(5, catalog.Hash{1})
	return h.Append(nil)
}

// A member who offers an old head of another, or one that he has rolled back,
// changes nothing.
func TestRollback(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a, b := pipeMember(t, p, 1), pipeMember(t, p, 2)
		b.join(a)
		a.share(file("old", 1))
		time.Sleep(time.Second)
		s := b.call(3).meet()
		s.Say(message.Summary{})
		old := expect[message.Heads](s).Heads[0]
		go drain(s)
		a.share(file("new", 1))
		time.Sleep(time.Second)
		s.Say(message.Heads{Heads: []catalog.Head{old}})
		time.Sleep(time.Second)
		if !b.has("new") || b.has("old") {
			t.Error("the catalogue was rolled back")
		}
		if !b.connected(s.id.Key()) {
			t.Error("closed, though he may not have known better")
		}
	})
}

// An object of another content than asked for is no answer, and the right one
// is fetched from somebody else.
func TestWrongObjects(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		tiny := []byte("the true one")
		h := catalog.HashObject(tiny)
		a := pipeMember(t, p, 1)
		b := pipeMember(t, p, 2, func(c *Config) {
			fakesOf(c).object = func(x catalog.Hash) ([]byte, bool) { return tiny, x == h }
		})
		s := a.call(3).meet()
		go func() {
			for {
				m, err := s.Hear()
				if err != nil {
					return
				}
				if g, ok := m.(message.Get); ok {
					for range g.Hashes {
						s.Say(message.Object{Data: []byte("a false one")})
					}
				}
			}
		}()
		a.join(b)
		time.Sleep(time.Second)
		if data, err := a.Object(t.Context(), h, s.id.Key()); err != nil || string(data) != string(tiny) {
			t.Errorf("got %q, %v", data, err)
		}
	})
}

// What a catalogue names is fetched, refused where it makes no sense, and then
// no longer asked for.
func TestCatalogueOfJunk(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		s := a.call(3).meet()
		junk := []byte("no shard")
		s.Say(message.Summary{})
		s.Say(message.Heads{Heads: []catalog.Head{s.head(5, catalog.HashObject(junk))}})
		if g := expect[message.Get](s); g.Hashes[0] != catalog.HashObject(junk) {
			t.Fatalf("asked for %v", g.Hashes)
		}
		s.Say(message.Object{Data: junk})
		go drain(s)
		time.Sleep(time.Minute)
		if !a.connected(s.id.Key()) {
			t.Error("closed: the object was what was asked for")
		}
		if len(a.View().Members()) != 0 {
			t.Error("something is shown")
		}
		if n := a.wants(); n != 0 {
			t.Errorf("%d objects are still wanted", n)
		}
	})
}

// wants returns how many objects are being fetched.
func (nd *pnode) wants() int {
	n := make(chan int, 1)
	nd.post(nd.t.Context(), call(func(l *loop) { n <- l.objects.Len() }))
	return <-n
}

// A head whose objects nobody has is asked for ever more rarely, and not at all
// once a newer one makes it needless.
func TestObjectsThatNobodyHas(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		s := a.call(3).meet()
		var asked atomic.Int64
		go func() {
			for {
				m, err := s.Hear()
				if err != nil {
					return
				}
				if g, ok := m.(message.Get); ok {
					asked.Add(int64(len(g.Hashes)))
					s.Say(message.None(g))
				}
			}
		}()
		s.Say(message.Heads{Heads: []catalog.Head{s.head(5, catalog.Hash{1})}})
		time.Sleep(time.Minute)
		if n := asked.Load(); n < 8 || n > 20 {
			t.Errorf("asked %d times in a minute", n)
		}
		s.Say(message.Heads{Heads: []catalog.Head{s.head(6, catalog.HashObject([]byte("d1:elee")))}})
		time.Sleep(time.Second)
		if n := a.wants(); n != 0 {
			t.Errorf("%d objects are still wanted", n)
		}
		if len(a.View().Members()) != 1 {
			t.Error("the newer head is not shown")
		}
	})
}

func TestBrokeTellsProtocolFromNetwork(t *testing.T) {
	for err, want := range map[error]bool{
		fmt.Errorf("x: %w", message.ErrMalformed): true, ErrForged: true,
		gather.ErrIdle: false, ErrClosed: false, errors.New("reset"): false, gather.ErrSlow: false, gather.ErrDuplicate: false,
	} {
		if broke(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
