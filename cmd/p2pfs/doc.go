/*
P2pfs is a folder for everyone over BitTorrent. It mounts what the members of a
drive share as an ordinary directory, and makes, shows, fetches and seeds
ordinary torrents.

	p2pfs COMMAND [flags] [arguments]

"p2pfs help" lists the commands, "p2pfs COMMAND --help" tells all about one.
Flags may stand before, between and behind the arguments.

# A drive

	p2pfs mount [flags] MOUNTPOINT [FILE.torrent|MAGNET]...

Mount shows a drive on MOUNTPOINT, an empty directory, until a signal
ends it or somebody unmounts it. What is in the share directory is published to
all members of the drive. Torrents and magnets given appear under their names in
MOUNTPOINT/.p2pfs/torrents.

	--share directory     published files (~/p2pfs)
	--cache directory     pieces of what was read ($XDG_CACHE_HOME/p2pfs, or
	                      ~/.cache/p2pfs)
	--cache-size size     bound on their sum (10GiB)
	--keep-free size      what they leave free on their disk (5 % of it, at most
	                      512MiB)
	--state directory     key, catalogues, hashes and peers, kept between runs
	                      ($XDG_STATE_HOME/p2pfs, or ~/.local/state/p2pfs)
	--drive name          which drive ("public")
	--name name           our display name, at most 32 bytes; it proves nothing
	                      (the user's name)
	--listen addr:port    listen here, dial from here (all interfaces, the first
	                      free port from 6881 up)
	--tracker url         udp://HOST:PORT, http://HOST/announce or the same with
	                      https; repeatable. Without any, the UDP one on port
	                      6969 of the listen address is used, and run if nobody
	                      else does
	--peer host:port      member or peer to dial without a tracker; repeatable
	--no-embedded-tracker never run a tracker
	--open-tracker        let it serve any torrent. Without, it serves its
	                      drive, its torrents and every file that a member
	                      shares, and what others on this machine announce
	--no-lsd              neither announce on the local network nor listen there
	--no-pex              neither tell peers of one another nor listen to it
	--upload-limit rate, --download-limit rate
	                      bounds on the file data sent and fetched (0: none)
	--read-timeout duration
	                      a read that makes no progress for so long fails with
	                      EIO (60s); 0 waits for ever. p2pfs status MOUNTPOINT FILE
	                      tells why
	--refuse names        programs, as patterns with commas between, that get
	                      EAGAIN for what is not here (known indexers,
	                      thumbnailers and virus scanners)
	--scan-limit size     bytes an hour that a process may fetch that reads a
	                      little of many files (64MiB); 0 for no limit
	--allow-other         other users may enter the mount
	--daemon              go on in the background; done when it is mounted. The
	                      log is the file "log" in the state directory, of at
	                      most 1 MiB, and "log.old" the one before
	--log-level level     debug, info, warn or error, on stderr

Share directory, cache, state directory and mount point may not contain one
another. These commands ask a running mount, through a socket that only its user
can open:

	p2pfs status [--json] MOUNTPOINT [FILE]
	p2pfs members [--json] MOUNTPOINT
	p2pfs block MOUNTPOINT WHO
	p2pfs unblock MOUNTPOINT WHO
	p2pfs forget MOUNTPOINT WHO
	p2pfs add MOUNTPOINT FILE.torrent|MAGNET
	p2pfs remove MOUNTPOINT NAME|INFOHASH
	p2pfs magnet [--v2] PATH
	p2pfs export [--v2] [--force] PATH -o FILE.torrent
	p2pfs pin [--list] PATH...
	p2pfs unpin PATH...
	p2pfs prefetch PATH...
	p2pfs evict PATH...
	p2pfs verify PATH...

Members lists the others of the drive. Block hides one on this machine only, at
once and over restarts, forget one who is away until he comes back. WHO is the
16 digits that members shows, or a name that no other member has.

Prefetch fetches files, or all that is in a directory, into the cache; pin does
so and keeps them there, over restarts, until unpin. Evict drops what is cached,
but for what is pinned, and verify hashes it again. PATH of magnet and export is
a file in the mount or in its share directory; they give the v1 torrent, which
every client can use, unless --v2 is given. This one takes a mount away, also one
whose p2pfs has died:

	p2pfs umount [--force] MOUNTPOINT

Called as mount.fuse.p2pfs it is mount(8)'s helper for the type fuse.p2pfs: the
source is the drive, options are flags of mount, and --daemon is implied. Under
systemd it speaks sd_notify: READY, STOPPING and WATCHDOG, the last only while
the mount and the engine answer.

# Torrents

	p2pfs get [flags] FILE.torrent|MAGNET [-o DIR]
	p2pfs seed [flags] FILE.torrent --data PATH

Get fetches a torrent into DIR (the current directory) and is done when all of it
is there and verified; with --seed it goes on serving. Seed serves what is already there.
Both have the flags --listen, --tracker, --peer, --no-lsd, --no-pex, --state,
--upload-limit, --download-limit and --log-level of mount.

	p2pfs create [flags] PATH -o FILE.torrent
	p2pfs show [--json] FILE.torrent|MAGNET
	p2pfs tracker [--listen addr:port]

Create makes a torrent of a file or directory (--format v1, v2 or hybrid; --tracker;
--piece-length; --private; --comment). Show tells what a torrent says, asking
nobody. Tracker runs a UDP tracker for any BitTorrent client.

	p2pfs demo
	p2pfs version
	p2pfs help [COMMAND]

# Values

A size is a count of bytes, or a number with a unit: 64KiB, 2GiB and K, M, G, T
are binary, 500MB decimal. A rate is a size a second, at least 1KiB. A duration is as in 90s, 5m or 1h30m. An addr:port is
ADDR:PORT, :PORT (all interfaces) or ADDR (p2pfs takes a port); an IPv6 address
before a port stands in brackets.

# A session

	$ p2pfs mount /mnt/swarm &
	$ cp talk.mkv ~/p2pfs/
	$ p2pfs magnet ~/p2pfs/talk.mkv
	magnet:?xt=urn:btih:...
	$ p2pfs status /mnt/swarm
	$ p2pfs umount /mnt/swarm

# Exit status and signals

The status is 0 if all was done, 1 if something failed and 2 for wrong usage. An
error is one line on stderr that begins with "p2pfs: ". SIGINT, SIGTERM
and SIGHUP (but under nohup) end a command in order: a mount is taken away,
trackers are told. Reads that wait fail first; what is in use for one more second
is detached. A second signal ends it at once.

# Limits

Only Linux can mount; get, seed, create, show and tracker work elsewhere, too.
Mounts are read-only: to publish is to put a file into the share directory.
Torrents and the drive are announced on the local networks of the interfaces that
are listened on, unless they are private or --no-lsd is given; IPv6 on loopback
has no multicast. There is no DHT, no uTP and no encryption of connections. Limits on rates are for
the bytes of files, not for what goes with them. A torrent file has at most
16 MiB, 100 000 files and 2^20 pieces of at most 64 MiB.
*/
package main
