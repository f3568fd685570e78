package drive

import "context"

// notify makes the calls of callbacks, which may block.
func (d *Drive) notify(ctx context.Context) {
	for {
		select {
		case f := <-d.notices:
			d.cfg.Guard.Do(f)
		case f := <-d.views:
			d.cfg.Guard.Do(f)
			select {
			case d.viewed <- struct{}{}:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}
