package drive

import (
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/wire"
)

// Faults of the handshake itself.
func TestHandshakesThatAreRefused(t *testing.T) {
	for name, run := range map[string]func(s *stranger){
		"another swarm": func(s *stranger) {
			s.shaker.InfoHash = OpenKey("another").Rendezvous()
			s.greet(nil)
		},
		"hello signed for another swarm": func(s *stranger) {
			g := *s.g
			g.rendezvous = catalog.Salt{1}
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(&g, true) })
		},
		"signed in the other role": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(s.g, false) })
		},
		"signature broken": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(s.g, true); h.Sig[9]++ })
		},
		"another's key": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(s.g, true); h.Key = ident(5).Key() })
		},
		"without the drive key": func(s *stranger) {
			g := *s.g
			g.key = OpenKey("another")
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(&g, true) })
		},
		"proof broken": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(s.g, true); h.MAC[9]++ })
		},
		"another time than was signed": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(s.g, true); h.Clock++ })
		},
		"another version": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) { h.Version = 3; sign(s.g, true) })
		},
		"no hello": func(s *stranger) {
			s.twisted(func(h *message.Hello, sign func(*greeter, bool)) {})
		},
		"an ordinary BitTorrent client": func(s *stranger) {
			own := wire.Handshake{InfoHash: testKey.Rendezvous(), PeerID: [20]byte{1}}
			own.SetExtended()
			s.Queue(wire.AppendHandshake(nil, own))
			s.Queue(wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{M: map[string]int{"ut_metadata": 3}}))
		},
		"one without extensions": func(s *stranger) {
			s.Queue(wire.AppendHandshake(nil, wire.Handshake{InfoHash: testKey.Rendezvous(), PeerID: [20]byte{1}}))
		},
		"extended handshake nested": func(s *stranger) {
			own := wire.Handshake{InfoHash: testKey.Rendezvous(), PeerID: [20]byte{1}}
			own.SetExtended()
			s.Queue(wire.AppendHandshake(nil, own))
			s.Queue(wire.AppendExtended(nil, 0, []byte(rep("d1:a", 50_000))))
		},
		"our own key": func(s *stranger) {
			s.g.id = ident(1)
			s.greet(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				a := pipeMember(t, p, 1)
				s := a.call(3)
				run(s)
				if d := s.untilClosed(); d > time.Second {
					t.Errorf("closed after %v", d)
				}
				if len(a.Members()) != 0 {
					t.Errorf("members: %+v", a.Members())
				}
			})
		})
	}
}

// twisted goes through the handshake, but for a hello that twist changes; sign
// signs it.
func (s *stranger) twisted(twist func(h *message.Hello, sign func(g *greeter, byDialler bool))) {
	s.t.Helper()
	if err := s.shaker.Shake(s.Conn, nil); err != nil {
		s.t.Fatal(err)
	}
	ours, theirs := s.Hello.Dialler, s.Hello.Acceptor
	r := &rite{key: s.g.key, rendezvous: s.g.rendezvous, dialler: ours, acceptor: theirs}
	s.send(r.prove())
	h := message.Hello{Version: message.Version, Key: s.id.Key(), Name: "x"}
	signed := false
	twist(&h, func(g *greeter, byDialler bool) {
		signed = true
		r := &rite{key: g.key, rendezvous: g.rendezvous, dialler: ours, acceptor: theirs}
		r.seal(&h, byDialler, s.id)
	})
	if signed {
		s.send(h)
	} else {
		s.send(message.Summary{})
	}
}

// A hello that was overheard opens nothing: the nonces are others.
func TestReplayedHello(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		first := a.call(3)
		var heard message.Hello
		first.twisted(func(h *message.Hello, sign func(*greeter, bool)) { sign(first.g, true); heard = *h })
		time.Sleep(time.Second)
		if !a.connected(first.id.Key()) {
			t.Fatal("the first one was refused")
		}
		first.hangUp()
		time.Sleep(time.Second)
		second := a.call(4)
		second.twisted(func(h *message.Hello, _ func(*greeter, bool)) { *h = heard; second.send(heard) })
		if d := second.untilClosed(); d > time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}
