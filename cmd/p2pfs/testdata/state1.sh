#!/usr/bin/env bash
# Makes state1.tar.gz: what the first version that was in use (commit 1eb9033)
# keeps of a member between two runs. TestStateOfFirstVersion starts on it.
#
#	state1.sh P2PFS OUT.tar.gz     with P2PFS a build of that commit
#
# Everything stays on 127.0.0.0/8 and below a temporary directory.
set -euo pipefail
p2pfs=$1 out=$2
w=$(mktemp -d)
pids=()
end() {
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
	fusermount3 -uz "$w/anna/mnt" 2>/dev/null || true
	fusermount3 -uz "$w/bob/mnt" 2>/dev/null || true
	rm -rf "$w"
}
trap end EXIT

# member NAME ADDRESS FLAG...: its process, and its mount once it is there.
member() {
	local name=$1 address=$2
	shift 2
	mkdir -p "$w/$name"/{share,mnt,state,cache}
	"$p2pfs" mount "$w/$name/mnt" --share "$w/$name/share" --state "$w/$name/state" --cache "$w/$name/cache" \
		--listen "$address" --name "$name" --drive fixture --no-lsd --no-embedded-tracker "$@" &
	pids+=($!)
	until mountpoint -q "$w/$name/mnt"; do sleep 0.1; done
}
# lines N TEXT: N numbered lines of 100 bytes and TEXT: no two blocks are alike,
# and yet they pack well.
lines() { seq -f "$2 %07g $(printf '%.0s.' {1..90})" "$1"; }

mkdir -p "$w/anna/share" "$w/bob/share" "$w/album/disc 1"
lines 300 "own" >"$w/anna/share/own.txt"
lines 1500 "of bob" >"$w/bob/share/bob.txt"
lines 1200 "pinned of bob" >"$w/bob/share/pinned.txt"
lines 500 "song" >"$w/album/disc 1/song.txt"
lines 900 "pinned song" >"$w/album/kept.txt"
"$p2pfs" create "$w/album" -o "$w/album.torrent" --piece-length 64KiB
"$p2pfs" seed "$w/album.torrent" --data "$w/album" --listen 127.77.1.3:7703 --no-lsd --state "$w/seed" &
pids+=($!)
member bob 127.77.1.2:7702
member anna 127.77.1.1:7701 --peer 127.77.1.2:7702 --peer 127.77.1.3:7703
until [ -e "$w/anna/mnt/bob.txt" ] && [ -e "$w/anna/mnt/pinned.txt" ] && [ -e "$w/anna/mnt/own.txt" ]; do sleep 0.1; done
"$p2pfs" add "$w/anna/mnt" "$w/album.torrent"
"$p2pfs" add "$w/anna/mnt" "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=nobody+has+it"
cat "$w/anna/mnt/bob.txt" "$w/anna/mnt/.p2pfs/torrents/album/disc 1/song.txt" >/dev/null
"$p2pfs" pin "$w/anna/mnt/pinned.txt" "$w/anna/mnt/.p2pfs/torrents/album/kept.txt"
"$p2pfs" magnet "$w/anna/mnt/own.txt" >/dev/null # from now on it is announced
sleep 3 # until all of it is on disk
ls "$w/anna/mnt/.p2pfs/members" >"$w/anna/members"
"$p2pfs" umount "$w/anna/mnt"
tar -C "$w/anna" --sort=name --owner=0 --group=0 --numeric-owner -cf - share state cache members | gzip -9n >"$out"
