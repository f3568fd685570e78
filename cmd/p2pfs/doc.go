/*
P2pfs is a folder for everyone over BitTorrent: it mounts what the members of
a drive share as an ordinary directory, and makes, shows, fetches and seeds
ordinary torrents.

	p2pfs COMMAND [flags] [arguments]

"p2pfs help" lists the commands, "p2pfs COMMAND --help" tells a command's flags.

Exit status: 0 done, 1 failed, 2 wrong usage. Errors are one line on stderr that
begins with "p2pfs: ". SIGINT or SIGTERM ends a command in order, a second one
at once.
*/
package main
