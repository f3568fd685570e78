# Makes a torrent: v1|v2|hybrid PIECE_LENGTH PATH OUT [TRACKER...]
# Prints the magnet link.
import os, sys
import libtorrent as lt

kind, piece_length, path, out = sys.argv[1:5]
files = lt.file_storage()
lt.add_files(files, path)
flags = {'v1': lt.create_torrent.v1_only, 'v2': lt.create_torrent.v2_only, 'hybrid': 0}[kind]
torrent = lt.create_torrent(files, int(piece_length), flags)
for tracker in sys.argv[5:]:
    torrent.add_tracker(tracker)
lt.set_piece_hashes(torrent, os.path.dirname(os.path.abspath(path)))
with open(out, 'wb') as f:
    f.write(lt.bencode(torrent.generate()))
print(lt.make_magnet_uri(lt.torrent_info(out)))
