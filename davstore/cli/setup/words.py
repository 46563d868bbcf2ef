"""What to type where: the words for each client, with this server's address in them."""

import ipaddress
import socket
from pathlib import Path
from urllib.parse import urlsplit


def address(host: str, port: int) -> str:
    """The server's address as other machines reach it, or as this one does."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - how a server says "all"
        host = _own_address()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def to_type(url: str, user: str, place: Path | None) -> str:
    """A paragraph a client."""
    parts = urlsplit(url)
    where = place or "the folder where you mount it"
    alone = _is_alone(parts.hostname or "")
    near = (
        '\nThe server listens for this machine alone; for others set server.host = "0.0.0.0".\n'
        if alone else ""
    )  # fmt: skip
    return f"""{near}
Browser    {url} for the files, {url}-/ to see how it all is,
           {url}-/add to add things and to search.
Finder     Go, Connect to Server (Cmd-K): {url}
           Connect as a registered user, {user}.
Windows    Video needs a mount. In a terminal, once:
             winget install Rclone.Rclone WinFsp.WinFsp
             rclone config create dav webdav url={url} vendor=other user={user} pass=… --obscure
           then, for the drive X:
             rclone mount dav: X: --read-only --vfs-cache-mode full --dir-cache-time 20s
Infuse     Add Files, WebDAV: address {parts.hostname}, port {parts.port}, path /, user {user}.
Kodi       Videos, Files, Add videos, Browse, Add network location: protocol WebDAV server (HTTP),
           address {parts.hostname}, port {parts.port}, path empty, user {user}.
VLC        Open Network Stream: {url.replace("http://", f"http://{user}@", 1)}
Plex       Add Library, Movies, Browse for media folder: {where}/Movies; TV shows: {where}/Shows.
           Switch off "Generate video preview thumbnails" and "Generate intro video markers".
Jellyfin   Dashboard, Libraries, Add: Movies {where}/Movies; Shows {where}/Shows.
           Switch off "Enable chapter image extraction" and "Trickplay image extraction".
"""


def _is_alone(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_address() -> str:
    """By which address this machine would speak to others; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # for documentation only, RFC 5737
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
