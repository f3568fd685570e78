package drive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/wire"
)

// Life is how long others keep our catalogue after they last heard of us.
const Life = 30 * 24 * time.Hour

// Drive is our membership in a drive. Safe for concurrent use.
type Drive struct {
	cfg     Config
	log     *slog.Logger
	greeter greeter
	view    atomic.Pointer[catalog.View]
	notices chan func()   // calls of the caller's callbacks, in order
	views   chan func()   // the same of OnView; room for one: later changes are told together
	viewed  chan struct{} // OnView was called: there may be more to tell

	events chan event
	ctx    context.Context // ends with the drive; stops goroutines, is handed to none of the caller's calls
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// starting guards closed: connections come in from outside until Close
	// waits, and none may begin then.
	starting sync.Mutex
	closed   bool

	// sharing serializes Share and guards builder: building all takes as long
	// as there are files, too long for the loop.
	sharing sync.Mutex
	builder *catalog.Builder
}

// New joins a drive with what its store knows. It returns at once.
func New(cfg Config) (*Drive, error) {
	if err := catalog.CheckMemberName(cfg.Name); err != nil {
		return nil, err
	}
	if cfg.Identity == nil || cfg.Store == nil {
		return nil, errors.New("drive: neither identity nor store may be missing")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Guard == nil {
		cfg.Guard = guard.New(cfg.Log)
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 40
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Drive{
		cfg: cfg, log: cfg.Log, events: make(chan event, 256),
		notices: make(chan func(), 256), views: make(chan func(), 1), viewed: make(chan struct{}, 1),
		builder: catalog.NewBuilder(cfg.Store.Object),
		greeter: greeter{
			key: cfg.Key, rendezvous: cfg.Key.Rendezvous(), id: cfg.Identity, name: cfg.Name, port: cfg.Port,
			began: cfg.Now().UnixMicro(), moved: cfg.Moved, now: cfg.Now,
		},
	}
	d.greeter.peerID = wire.NewPeerID()
	state, err := catalog.NewState(catalog.Config{
		Store: cfg.Store, Self: cfg.Identity, Salt: d.greeter.rendezvous, Trusted: cfg.Trusted,
		Limits: cfg.Limits, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	l := newLoop(d, state)
	d.view.Store(l.told)
	d.wg.Go(func() { l.run(d.ctx) })
	d.wg.Go(func() { d.flush(d.ctx, l.dirty) })
	d.wg.Go(func() { d.notify(d.ctx) })
	return d, nil
}

// Close leaves the drive. It ends all connections and returns when no
// goroutine is left. What was learnt is in the store by then.
func (d *Drive) Close() error {
	d.starting.Lock()
	d.closed = true
	d.starting.Unlock()
	d.cancel()
	d.wg.Wait()
	return d.cfg.Store.Flush()
}

// flushPause is the time between two writes to the store, which then holds all
// that came meanwhile.
const flushPause = 200 * time.Millisecond

// flush writes the store to disk when something has changed.
func (d *Drive) flush(ctx context.Context, dirty <-chan struct{}) {
	for {
		select {
		case <-dirty:
		case <-ctx.Done():
			return
		}
		d.cfg.Guard.Do(func() {
			if err := d.cfg.Store.Flush(); err != nil {
				d.log.Warn("catalogue not written to disk", "err", err)
			}
		})
		select {
		case <-time.After(flushPause):
		case <-ctx.Done():
			return
		}
	}
}

// Rendezvous returns the infohash under which the drive is announced.
func (d *Drive) Rendezvous() catalog.Salt { return d.greeter.rendezvous }

// View returns the namespace as it is now.
func (d *Drive) View() *catalog.View { return d.view.Load() }

// start runs f in a goroutine that Close waits for. False if it is too late. f
// guards what may panic itself, where it can still clear up.
func (d *Drive) start(f func()) bool {
	d.starting.Lock()
	defer d.starting.Unlock()
	if d.closed {
		return false
	}
	d.wg.Go(f)
	return true
}

// Accept takes over an incoming connection whose handshake was read. It blocks
// until hello is through or has failed, ten seconds at most, and returns while
// the connection goes on. So whoever calls it bounds how many have not said who
// they are, those that never get here included; it closes one of them by closing
// nc.
func (d *Drive) Accept(nc net.Conn, hs wire.Handshake) {
	c, greeted := newConn(nc, netip.AddrPort{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(greeted) })
	if !d.start(func() {
		defer once()
		d.accepted(c, &hs, once)
	}) {
		nc.Close()
		return
	}
	<-greeted
}

// AddPeers tells of addresses at which members may listen, from the command line
// or remembered ones. They are dialled as there is room.
func (d *Drive) AddPeers(addrs []netip.AddrPort) {
	d.addAll(addrs, book.Before)
}

// AddFound tells of addresses that trackers listed, or that announced themselves
// on the local network: nobody vouches for them. The caller has asked whether
// those who told may tell of them.
func (d *Drive) AddFound(addrs []netip.AddrPort) { d.addAll(addrs, book.Tracker) }

func (d *Drive) addAll(addrs []netip.AddrPort, from book.Origin) {
	d.post(d.ctx, call(func(l *loop) {
		l.book.Add(addrs, from)
		l.dialDue()
	}))
}

// Share publishes a new revision of our catalogue: what changed in all that we
// share. It returns what was published, once it is visible here and on its way
// to the connected members; catalog.ErrTooLarge, wrapped, if it is more than a
// member may share. catalog.ErrNeedAll, wrapped, asks for a Delta of All: at
// first, and where the last revision could not be published or is lost.
func (d *Drive) Share(change catalog.Delta) (catalog.Tree, error) {
	d.sharing.Lock()
	defer d.sharing.Unlock()
	tree, err := d.builder.Apply(change)
	if err != nil {
		return tree, err
	}
	if err = d.publish(tree); err != nil {
		d.builder.Forget() // its objects are not kept
	}
	if errors.Is(err, catalog.ErrGone) { // objects of the last revision were collected since
		err = fmt.Errorf("%w: %w", catalog.ErrNeedAll, err)
	}
	return tree, err
}

// publish hands a tree to the loop. The caller has locked
// sharing.
func (d *Drive) publish(tree catalog.Tree) error {
	p := catalog.Publication{Tree: tree, Name: d.cfg.Name, Life: Life, Began: d.greeter.began, Moved: d.cfg.Moved}
	result := make(chan error, 1)
	publish := asking{func(l *loop) { result <- l.publish(p) }, func(err error) { offer(result, err) }}
	if err := d.post(d.ctx, publish); err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-d.ctx.Done():
		return ErrClosed
	}
}

// post hands an event to the loop. It waits for room, no longer than ctx or
// the drive lasts.
func (d *Drive) post(ctx context.Context, e event) error {
	select {
	case d.events <- e:
		return nil
	case <-d.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		if d.ctx.Err() != nil {
			return ErrClosed
		}
		return ctx.Err()
	}
}
