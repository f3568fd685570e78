//go:build linux

package control

import "context"

// Status asks how the mount is.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	err = c.quick(ctx, "status", nil, &s)
	return s, err
}

// Add puts a torrent or magnet into the mount and returns its name there.
func (c *Client) Add(ctx context.Context, source Source) (name string, err error) {
	var a addAnswer
	err = c.quick(ctx, "add", source, &a)
	return a.Name, err
}

// Remove takes out what Add put in, by name or infohash.
func (c *Client) Remove(ctx context.Context, nameOrInfoHash string) error {
	return c.quick(ctx, "remove", removeRequest{nameOrInfoHash}, new(struct{}))
}

// Magnet asks for the magnet of the file at a real path. It blocks until that is
// known, or ctx ends.
func (c *Client) Magnet(ctx context.Context, path string, v2 bool) (string, error) {
	var a magnetAnswer
	err := c.call(ctx, "magnet", fileRequest{path, v2}, &a)
	return a.Magnet, err
}

// Export asks for the bytes of a .torrent of the file at a real path. It blocks
// as Magnet does.
func (c *Client) Export(ctx context.Context, path string, v2 bool) ([]byte, error) {
	var a exportAnswer
	err := c.call(ctx, "export", fileRequest{path, v2}, &a)
	return a.Torrent, err
}

// Members lists the other members of the drive.
func (c *Client) Members(ctx context.Context) (list []RosterEntry, err error) {
	err = c.quick(ctx, "members", nil, &list)
	return list, err
}

// Mark does op (block, unblock, forget) to a member and returns him as he is then.
func (c *Client) Mark(ctx context.Context, op, who string) (e RosterEntry, err error) {
	err = c.quick(ctx, "mark", markRequest{op, who}, &e)
	return e, err
}

// Stop has the mount end. It does not wait for that.
func (c *Client) Stop(ctx context.Context) error {
	return c.call(ctx, "stop", struct{}{}, new(stopAnswer))
}
