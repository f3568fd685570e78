# A libtorrent peer: seed|leech HOST:PORT DIR TORRENT|MAGNET SETTINGS [PEER...]
# Prints READY when it seeds and its tracker has answered, WHOLE when it has
# everything; a leech then ends with status 0.
import json, sys, time
import libtorrent as lt

role, listen, directory, what, settings = sys.argv[1:6]
peers = [a.rsplit(':', 1) for a in sys.argv[6:]]
pack = {
    'listen_interfaces': listen,
    # Without this it dials from 127.0.0.1, and is one host to the others.
    'outgoing_interfaces': listen.rsplit(':', 1)[0].strip('[]'),
    'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'allow_multiple_connections_per_ip': True,
    'announce_to_all_trackers': True, 'announce_to_all_tiers': True,
    'min_reconnect_time': 1, 'alert_mask': lt.alert.category_t.all_categories,
}
extra = json.loads(settings) or {}
flags = {name: extra.pop(name) for name in ('seed_mode', 'disable_pex') if name in extra}
pack.update(extra)
session = lt.session(pack)

magnet = what.startswith('magnet:')
params = lt.parse_magnet_uri(what) if magnet else lt.add_torrent_params()
if not magnet:
    params.ti = lt.torrent_info(what)
params.save_path = directory
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
for name, on in flags.items():
    if on:
        params.flags |= getattr(lt.torrent_flags, name)
handle = session.add_torrent(params)
if 'upload_rate_limit' in extra:  # the session's is not for 127/8, the torrent's is
    handle.set_upload_limit(extra['upload_rate_limit'])

replied = not handle.trackers()
ready = whole = False
dial = 0
while role == 'seed' or not whole:
    for alert in session.pop_alerts():
        name = type(alert).__name__
        if name == 'tracker_reply_alert':
            replied = True
        if name.endswith('error_alert') or name in (
                'listen_failed_alert', 'hash_failed_alert', 'peer_disconnected_alert', 'peer_ban_alert'):
            print(name, alert.message(), flush=True)
    status = handle.status()
    if status.is_seeding and not whole:
        whole = True
        print('WHOLE', flush=True)
    if status.is_seeding and replied and not ready:
        ready = True
        print('READY', flush=True)
    if peers and not status.num_peers and time.monotonic() > dial:
        dial = time.monotonic() + 1  # a failed dial is not soon repeated by itself
        for host, port in peers:
            handle.connect_peer((host, int(port)))
    time.sleep(0.02)
session.pause()  # closes the files: mapped pages become whole
