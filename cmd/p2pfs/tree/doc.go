// Package tree is what a mount shows: the files of a drive's members, torrents that
// were added by hand, and what can be asked of each by extended attributes; and
// which programs get nothing that would have to be fetched first.
//
// It serves no kernel (package fs does) and fetches nothing: who reads a member's
// file, and who runs torrents, are interfaces. One process may have many trees,
// also of one drive. All is safe for concurrent use.
package tree
