"""A libtorrent peer: peer.py HOST:PORT DIRECTORY MAGNET

It announces to the magnet's trackers and prints a line for each reply. A line on
its standard input makes it leave; it ends when the trackers have been told.
"""
import sys
import threading
import time

import libtorrent as lt

listen, directory, magnet = sys.argv[1:4]
session = lt.session({
    'listen_interfaces': listen, 'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False,
    'enable_natpmp': False, 'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'allow_multiple_connections_per_ip': True, 'announce_to_all_trackers': True,
    'alert_mask': lt.alert.category_t.all_categories})
params = lt.parse_magnet_uri(magnet)
params.save_path = directory
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
handle = session.add_torrent(params)

leaving = threading.Event()


def wait_for_line():
    sys.stdin.readline()
    leaving.set()


threading.Thread(target=wait_for_line, daemon=True).start()
paused, deadline = False, 0
while not paused or time.monotonic() < deadline:
    if leaving.is_set() and not paused:
        paused, deadline = True, time.monotonic() + 5
        handle.pause()
    for alert in session.pop_alerts():
        name = type(alert).__name__
        if name == 'tracker_reply_alert':
            print('REPLY', alert.num_peers, flush=True)
            if paused:
                sys.exit(0)
        elif name in ('tracker_error_alert', 'tracker_warning_alert', 'listen_failed_alert'):
            print('ERROR', alert.message(), flush=True)
    time.sleep(0.02)
sys.exit(1)
