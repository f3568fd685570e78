package drive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/build"
	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive/hello"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
)

// Life is how long others keep our catalogue after they last heard of us.
const Life = 30 * 24 * time.Hour

// Drive is our membership in a drive. Safe for concurrent use.
type Drive struct {
	cfg     Config
	log     *slog.Logger
	self    *hello.Self
	swarm   *gather.Gathering
	views   *views
	notices *notices

	events chan event
	ctx    context.Context // ends with the drive; stops goroutines, is handed to none of the caller's calls
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// sharing serializes Share and guards builder: building all takes as long
	// as there are files, too long for the loop.
	sharing sync.Mutex
	builder *build.Builder
}

// New joins a drive with what its store knows. It returns at once.
func New(cfg Config) (*Drive, error) {
	if err := catalog.CheckMemberName(cfg.Name); err != nil {
		return nil, err
	}
	if cfg.Identity == nil || cfg.Store == nil || cfg.Client == nil {
		return nil, errors.New("drive: neither identity, store nor client may be missing")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Guard == nil {
		cfg.Guard = guard.New(cfg.Log)
	}
	if cfg.Files == nil {
		cfg.Files = none{}
	}
	if cfg.Observer == nil {
		cfg.Observer = none{}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &Drive{
		cfg: cfg, log: cfg.Log, events: make(chan event, 256),
		notices: newNotices(),
		builder: build.New(cfg.Store.Object),
		self: &hello.Self{
			Secret: cfg.Key, Rendezvous: cfg.Key.Rendezvous(), Identity: cfg.Identity, Name: cfg.Name,
			Process: hello.Process{Began: cfg.Now().UnixMicro(), Moved: cfg.Moved}, Now: cfg.Now,
		},
	}
	state, err := state.New(state.Config{
		Store: cfg.Store, Self: cfg.Identity, Salt: d.self.Rendezvous, Trusted: cfg.Trusted,
		Limits: cfg.Limits, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.views = &views{hides: cfg.Hides, tell: d.tellView}
	l := newLoop(d, state)
	d.views.connected = func(k catalog.Key) bool { return l.conns.byKey[k] != nil }
	d.views.told = d.views.show(state.View())
	d.swarm = cfg.Client.Join(gather.Config{
		InfoHash: d.self.Rendezvous, Handler: host{d}, Self: book.Owner(cfg.Identity.Key()), Extension: message.Extension, Most: message.MaxBody,
		MaxConns: cfg.MaxConns, Finding: cfg.Finding,
	})
	d.wg.Go(func() { l.run(d.ctx) })
	d.wg.Go(func() { d.flush(d.ctx, l.dirty) })
	d.wg.Go(func() { d.notices.run(d.ctx, cfg.Guard) })
	return d, nil
}

// Close leaves the drive. It ends all connections and returns when no
// goroutine is left. What was learnt is in the store by then.
func (d *Drive) Close() error {
	d.cancel()
	d.swarm.Close()
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
func (d *Drive) Rendezvous() catalog.Salt { return d.self.Rendezvous }

// View returns the namespace as it is now.
func (d *Drive) View() *union.View { return d.views.current.Load() }

// tellView has the caller told of a changed view; false if he is still busy with
// earlier ones.
func (d *Drive) tellView(now, before *union.View) bool {
	return offer(d.notices.views, func() { d.cfg.Observer.OnView(now, before) })
}

// Swarm is the swarm of the drive's members: whom it finds, and by what.
func (d *Drive) Swarm() *gather.Gathering { return d.swarm }

// Share publishes a new revision of our catalogue: what changed in all that we
// share. It returns what was published, once it is visible here and on its way
// to the connected members; state.ErrTooLarge, wrapped, if it is more than a
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
	if errors.Is(err, store.ErrGone) { // objects of the last revision were collected since
		err = fmt.Errorf("%w: %w", catalog.ErrNeedAll, err)
	}
	return tree, err
}

// publish hands a tree to the loop. The caller has locked
// sharing.
func (d *Drive) publish(tree catalog.Tree) error {
	p := state.Publication{Tree: tree, Name: d.cfg.Name, Life: Life, Began: d.self.Process.Began, Moved: d.cfg.Moved}
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
