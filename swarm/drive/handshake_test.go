package drive

import (
	"testing"
	"time"

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
		"without the drive key": func(s *stranger) {
			s.self.Secret = OpenKey("another")
			s.greet(nil)
		},
		"signature broken":             func(s *stranger) { s.twisted(func(h *message.Hello) { h.Sig[9]++ }) },
		"another's key":                func(s *stranger) { s.twisted(func(h *message.Hello) { h.Key = ident(5).Key() }) },
		"proof broken":                 func(s *stranger) { s.twisted(func(h *message.Hello) { h.MAC[9]++ }) },
		"another time than was signed": func(s *stranger) { s.twisted(func(h *message.Hello) { h.Clock++ }) },
		"another version":              func(s *stranger) { s.twisted(func(h *message.Hello) { h.Version = 3 }) },
		"no proof": func(s *stranger) {
			s.shaker.Shake(s.net, nil)
			s.Say(message.Summary{})
		},
		"no hello": func(s *stranger) {
			s.shaker.Shake(s.net, nil)
			s.hello(twister{s.conn, func(m message.Message) message.Message {
				if _, ok := m.(message.Hello); ok {
					return message.Summary{}
				}
				return m
			}})
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
			s.self.Identity = ident(1)
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

// twister changes what is said.
type twister struct {
	*conn
	twist func(message.Message) message.Message
}

func (w twister) Say(m message.Message) { w.conn.Say(w.twist(m)) }

// twisted goes through the handshakes, but for a hello that twist changes after it
// was signed.
func (s *stranger) twisted(twist func(h *message.Hello)) {
	s.t.Helper()
	if err := s.shaker.Shake(s.net, nil); err != nil {
		s.t.Fatal(err)
	}
	if err := s.hello(twister{s.conn, func(m message.Message) message.Message {
		if h, ok := m.(message.Hello); ok {
			twist(&h)
			return h
		}
		return m
	}}); err != nil {
		s.t.Fatal(err)
	}
}

// A hello that was overheard opens nothing: the nonces are others.
func TestReplayedHello(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		a := pipeMember(t, p, 1)
		first := a.call(3)
		var heard message.Hello
		first.twisted(func(h *message.Hello) { heard = *h })
		time.Sleep(time.Second)
		if !a.connected(first.id.Key()) {
			t.Fatal("the first one was refused")
		}
		first.hangUp()
		time.Sleep(time.Second)
		second := a.call(4)
		second.twisted(func(h *message.Hello) { *h = heard })
		if d := second.untilClosed(); d > time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}
