# What libtorrent makes of files, and how it reads torrents.
#
#   golden.py make < [{"path", "mode", "piece", "files", "private", "trackers"}, ...]
#   golden.py load < [torrent in base64, ...]
#
# Prints a JSON list of descriptions. "files" are [path, length, flags] to be
# added one by one instead of what libtorrent finds itself.
import base64
import json
import os
import sys

import libtorrent as lt

ct = lt.create_torrent
FLAGS = {"v1": ct.v1_only, "v2": ct.v2_only, "hybrid": 0}


def make(case):
    flags = FLAGS[case["mode"]]
    store = lt.file_storage()
    if case.get("files"):
        for path, length, attr in case["files"]:
            store.add_file(path, length, attr)
    else:
        lt.add_files(store, case["path"], flags=flags)
    t = ct(store, case["piece"], flags)
    if case.get("private"):
        t.set_priv(True)
    for tier, url in enumerate(case.get("trackers") or []):
        t.add_tracker(url, tier)
    lt.set_piece_hashes(t, os.path.dirname(case["path"]))
    return lt.bencode(t.generate())


def describe(raw):
    ti = lt.torrent_info(lt.bdecode(raw))
    ih, fs = ti.info_hashes(), ti.files()
    files = []
    for i in range(fs.num_files()):
        flags = fs.file_flags(i)
        files.append({
            "path": fs.file_path(i), "length": fs.file_size(i), "offset": fs.file_offset(i),
            "root": str(fs.root(i)) if ih.has_v2() else "",
            "pad": bool(flags & lt.file_storage.flag_pad_file),
            "exec": bool(flags & lt.file_storage.flag_executable),
            "link": fs.symlink(i) if flags & lt.file_storage.flag_symlink else "",
        })
    return {
        "torrent": base64.b64encode(raw).decode(), "v1": str(ih.v1) if ih.has_v1() else "",
        "v2": str(ih.v2) if ih.has_v2() else "", "name": ti.name(), "pieces": ti.num_pieces(),
        "sizes": [ti.piece_size(i) for i in range(ti.num_pieces())],
        "magnet": lt.make_magnet_uri(ti), "files": files, "private": bool(ti.priv()),
        "trackers": [[t.url, t.tier] for t in ti.trackers()],
    }


cases = json.load(sys.stdin)
if sys.argv[1] == "make":
    out = [describe(make(c)) for c in cases]
else:
    out = [describe(base64.b64decode(c)) for c in cases]
json.dump(out, sys.stdout)
