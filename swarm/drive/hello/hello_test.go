package hello

import (
	"errors"
	"io"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// line is one end of a connection: nothing on it is lost, and it ends when either
// side closes.
type line struct {
	in, out chan message.Message
}

func lines() (dialler, acceptor *line) {
	a, b := make(chan message.Message, 8), make(chan message.Message, 8)
	return &line{a, b}, &line{b, a}
}

func (l *line) Hear() (message.Message, error) {
	if m, ok := <-l.in; ok {
		return m, nil
	}
	return nil, io.EOF
}

func (l *line) Say(m message.Message) { l.out <- m }

func (l *line) Drain() {
	for range l.in {
	}
}

func self(n int) *Self {
	return &Self{
		Secret: [32]byte{1}, Rendezvous: catalog.Salt{2}, Identity: catalog.IdentityFromSeed([32]byte{byte(n)}), Name: string(rune('a' + n)),
		Process: Process{Began: int64(1000 + n)}, Now: func() time.Time { return time.Unix(1_000_000+int64(n), 0) },
	}
}

var terms = Terms{Dialler: [32]byte{3}, Acceptor: [32]byte{4}, Port: 6881}

func asDialler(t Terms) Terms { t.Dialled = true; return t }

// greeted is what one side found out.
type greeted struct {
	m   Member
	err error
}

// meet has two sides greet one another.
func meet(dialler, acceptor *Self, t Terms) (byDialler, byAcceptor greeted) {
	d, a := lines()
	done := make(chan greeted)
	go func() {
		m, err := acceptor.Greet(a, Terms{Dialler: t.Dialler, Acceptor: t.Acceptor, Port: t.Port})
		close(a.out)
		done <- greeted{m, err}
	}()
	m, err := dialler.Greet(d, asDialler(t))
	close(d.out)
	return greeted{m, err}, <-done
}

func TestTwoMembersMeet(t *testing.T) {
	d, a := meet(self(1), self(2), terms)
	if d.err != nil || a.err != nil {
		t.Fatal(d.err, a.err)
	}
	if d.m.Key != self(2).Identity.Key() || d.m.Name != "c" || d.m.Port != 6881 || d.m.Clock.Unix() != 1_000_002 {
		t.Errorf("the dialler met %+v", d.m)
	}
	if a.m.Key != self(1).Identity.Key() || a.m.Name != "b" || a.m.Clock.Unix() != 1_000_001 {
		t.Errorf("the acceptor met %+v", a.m)
	}
	if ahead := a.m.Ahead(time.Unix(1_000_000-599, 0)); ahead < 10*time.Minute || ahead > 11*time.Minute {
		t.Errorf("his clock is %v before ours", ahead)
	}
}

func TestProbeStaysUnknown(t *testing.T) {
	probe := terms
	probe.Probe = true
	d, a := meet(self(1), self(2), probe)
	if d.err != nil || d.m.Key != self(2).Identity.Key() {
		t.Errorf("the dialler met %+v, %v", d.m, d.err)
	}
	if a.err != io.EOF {
		t.Errorf("the acceptor: %v", a.err)
	}
}

// Two who are the same, or have the same key, notice.
func TestSelfAndCopies(t *testing.T) {
	d, _ := meet(self(1), self(1), terms)
	if !errors.Is(d.err, ErrSelf) {
		t.Errorf("ourselves: %v", d.err)
	}
	other := self(1)
	other.Process = Process{Began: 5, Moved: true}
	d, a := meet(self(1), other, terms)
	var byDialler, byAcceptor CopyError
	if !errors.As(d.err, &byDialler) || !errors.As(a.err, &byAcceptor) || byDialler.Other != other.Process || byAcceptor.Other != self(1).Process {
		t.Errorf("a copy: %v, %v", d.err, a.err)
	}
	for _, c := range []struct{ p, q Process }{
		{Process{1, true}, Process{2, false}}, {Process{2, false}, Process{1, false}}, {Process{2, true}, Process{1, true}},
	} {
		if !c.p.Yields(c.q) || c.q.Yields(c.p) {
			t.Errorf("%+v and %+v: not the first gives way", c.p, c.q)
		}
	}
}

// What the acceptor is told that is not a dialler's proof and hello, for this drive,
// on this connection, is refused, and nothing is said before the proof.
func TestDiallersThatAreRefused(t *testing.T) {
	good := func() *rite {
		return &rite{secret: self(1).Secret, rendezvous: self(1).Rendezvous, dialler: terms.Dialler, acceptor: terms.Acceptor}
	}
	signed := func(twist func(r *rite, h *message.Hello), byDialler bool) message.Hello {
		r, s := good(), self(1)
		h := s.hello(r, 1, true)
		twist(r, &h)
		r.seal(&h, byDialler, s.Identity)
		return h
	}
	for name, c := range map[string]struct {
		first, second message.Message
		want          error
	}{
		"nothing":                 {want: io.EOF},
		"no proof":                {first: message.Get{}, want: ErrProof},
		"proof of another secret": {first: (&rite{secret: [32]byte{9}, rendezvous: self(1).Rendezvous, dialler: terms.Dialler, acceptor: terms.Acceptor}).prove(), want: ErrProof},
		"proof of another connection": {first: (&rite{secret: self(1).Secret, rendezvous: self(1).Rendezvous, dialler: terms.Dialler}).prove(),
			want: ErrProof},
		"proof of another drive":   {first: (&rite{secret: self(1).Secret, dialler: terms.Dialler, acceptor: terms.Acceptor}).prove(), want: ErrProof},
		"proof of another version": {first: message.Prove{Version: 3, MAC: good().prove().MAC}, want: ErrProof},
		"an older version":         {first: message.Hello{Version: 1, Name: "old"}, want: OutdatedError{"old"}},
		"a later version":          {first: message.Hello{Version: 3}, want: ErrVersion},
		"no hello":                 {first: good().prove(), want: io.EOF},
		"something else":           {first: good().prove(), second: message.Summary{}, want: ErrHello},
		"hello of a later version": {first: good().prove(), second: signed(func(_ *rite, h *message.Hello) { h.Version = 3 }, true), want: ErrVersion},
		"signed as acceptor":       {first: good().prove(), second: signed(func(*rite, *message.Hello) {}, false), want: ErrProof},
		"another's key":            {first: good().prove(), second: signed(func(_ *rite, h *message.Hello) { h.Key = self(5).Identity.Key() }, true), want: ErrHello},
		"another connection":       {first: good().prove(), second: signed(func(r *rite, _ *message.Hello) { r.acceptor[0]++ }, true), want: ErrProof},
		"another drive":            {first: good().prove(), second: signed(func(r *rite, _ *message.Hello) { r.rendezvous[0]++ }, true), want: ErrProof},
		"another secret":           {first: good().prove(), second: signed(func(r *rite, _ *message.Hello) { r.secret[0]++ }, true), want: ErrProof},
	} {
		t.Run(name, func(t *testing.T) {
			d, a := lines()
			for _, m := range []message.Message{c.first, c.second} {
				if m != nil {
					d.Say(m)
				}
			}
			close(d.out)
			if _, err := self(2).Greet(a, terms); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if said := len(d.in); said > 0 && c.second == nil && name != "no hello" {
				t.Errorf("%d messages were said before the proof", said)
			}
		})
	}
	// All that a hello tells is signed.
	for name, twist := range map[string]func(h *message.Hello){
		"key":   func(h *message.Hello) { h.Key = self(5).Identity.Key() },
		"name":  func(h *message.Hello) { h.Name = "x" },
		"port":  func(h *message.Hello) { h.Port++ },
		"clock": func(h *message.Hello) { h.Clock++ },
		"began": func(h *message.Hello) { h.Began++ },
		"moved": func(h *message.Hello) { h.Moved = !h.Moved },
		"proof": func(h *message.Hello) { h.MAC[3]++ },
		"sig":   func(h *message.Hello) { h.Sig[3]++ },
	} {
		h := signed(func(*rite, *message.Hello) {}, true)
		if err := good().check(&h, true); err != nil {
			t.Fatal(err)
		}
		if twist(&h); good().check(&h, true) == nil {
			t.Errorf("another %s than was signed is believed", name)
		}
	}
}
