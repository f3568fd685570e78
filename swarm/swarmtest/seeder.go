package swarmtest

import (
	"context"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

// Ids that a Seeder chooses for its extensions.
const (
	extMetadata = 2
	extDontHave = 7
)

// Seeder is an honest seeder whose steps can be replaced one by one: a step
// that is nil is done honestly. Its Behave is a Behaviour.
type Seeder struct {
	Torrent *Torrent
	PeerID  [20]byte // zero: drawn for each connection

	Shake    func(ctx context.Context, s *Session) error        // both handshakes
	Greet    func(ctx context.Context, s *Session) error        // what follows: extended handshake, have all
	Admit    func(s *Session) error                             // the peer is interested: unchoke
	Request  func(s *Session, b wire.Block) error               // a request within bounds came
	Metadata func(s *Session, m wire.Metadata) error            // a ut_metadata request came
	Hashes   func(s *Session, r hashing.HashRequest) error      // a hash request came
	Beside   func(ctx context.Context, s *Session) error        // runs beside all that after Greet; its end ends nothing
	Extended func(h *wire.ExtendedHandshake)                    // changes the extended handshake
	Filter   func(s *Session, b wire.Block, data []byte) []byte // changes a block before it is sent
}

// Honest returns the behaviour of an honest seeder.
func Honest(tor *Torrent) Behaviour { return (&Seeder{Torrent: tor}).Behave }

// WithoutV2 is an honest seeder of a hybrid that knows nothing of BEP 52, and
// ends a connection on which it is asked for hashes.
func WithoutV2(tor *Torrent) Behaviour {
	return (&Seeder{
		Torrent: tor,
		Shake: func(_ context.Context, s *Session) error {
			return s.shakeAs(func(ours *wire.Handshake) {
				bare := wire.Handshake{InfoHash: ours.InfoHash, PeerID: ours.PeerID}
				bare.SetExtended()
				bare.SetFast()
				*ours = bare
			})
		},
		Hashes: func(*Session, hashing.HashRequest) error { return errHashRequest },
	}).Behave
}

// Upgrading is an honest seeder of a hybrid torrent, which answers whoever sets
// the bit with the v2 infohash, whatever it was asked for (BEP 52).
func Upgrading(tor *Torrent) Behaviour {
	return (&Seeder{Torrent: tor, Shake: func(_ context.Context, s *Session) error {
		return s.shakeAs(func(ours *wire.Handshake) {
			if s.Theirs.V2() {
				ours.InfoHash = tor.InfoHash()
			}
		})
	}}).Behave
}

// Behave serves one connection.
func (sd *Seeder) Behave(ctx context.Context, c *Conn) error {
	// A peer may be quiet for two minutes (BEP 3); ctx ends this one.
	c.Timeout = 0
	s := &Session{Conn: c, Torrent: sd.Torrent, PeerID: sd.PeerID, Choking: true, seeder: sd}
	if s.PeerID == [20]byte{} {
		s.PeerID = PeerID()
	}
	for _, step := range []func(context.Context, *Session) error{orElse(sd.Shake, shake), orElse(sd.Greet, greet)} {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	if sd.Beside != nil {
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = sd.Beside(ctx, s)
		}()
		defer func() {
			cancel()
			c.Close() // ends a write that Beside may be in
			<-done
		}()
	}
	for {
		m, err := s.ReadMsg()
		if err != nil {
			return err
		}
		if err := s.handle(m); err != nil {
			return err
		}
	}
}

// orElse returns f, or honest where f is nil.
func orElse(f, honest func(context.Context, *Session) error) func(context.Context, *Session) error {
	if f != nil {
		return f
	}
	return honest
}
