"""Bonjour: the server is announced on the local network as `_webdav._tcp` (RFC 6763, and
dns-sd.org's list of service types), so that Finder, Kodi, Infuse and others find it by themselves.

The package `zeroconf` is only there where it was asked for: `davstore[announce]`.
"""

import importlib.util
import ipaddress
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from davstore.errors import DavstoreError

log = logging.getLogger(__name__)

TYPE = "_webdav._tcp.local."
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - how a server says "all"


class CannotAnnounce(DavstoreError):
    """The package that announces is missing."""


def check_announcing() -> None:
    """Raises `CannotAnnounce` where the package is missing."""
    if importlib.util.find_spec("zeroconf") is None:
        raise CannotAnnounce(
            'server.announce needs one more package: pip install "davstore[announce]"'
        )


@contextmanager
def announced(url: str) -> Iterator[None]:
    """The server at `url` is announced during the block; a network that forbids it is no error."""
    from zeroconf import (  # noqa: PLC0415 - only there where it was asked for
        Error,
        InterfaceChoice,
        ServiceInfo,
        Zeroconf,
    )

    parts = urlsplit(url)
    host, name = parts.hostname or "", socket.gethostname().partition(".")[0] or "davstore"
    is_everywhere = host in EVERYWHERE or not _is_address(host)
    interfaces = InterfaceChoice.All if is_everywhere else [host]
    try:
        network = Zeroconf(interfaces=interfaces)
    except (OSError, Error) as error:
        log.warning("not announced: %s", error)
        yield
        return
    info = ServiceInfo(
        TYPE, f"davstore on {name}.{TYPE}", port=parts.port, properties={"path": "/"},
        server=f"{name}.local.", parsed_addresses=_addresses() if is_everywhere else [host],
    )  # fmt: skip
    try:
        network.register_service(info, allow_name_change=True)
        log.info("announced as %r", info.name.removesuffix(f".{TYPE}"))
    except (OSError, Error) as error:
        log.warning("not announced: %s", error or type(error).__name__)
    try:
        yield
    finally:
        network.close()  # says goodbye


def _addresses() -> list[str]:
    """The addresses by which others may reach this machine."""
    from ifaddr import get_adapters  # noqa: PLC0415 - zeroconf brings it

    found = [ip.ip for adapter in get_adapters() for ip in adapter.ips if ip.is_IPv4]
    others = [str(ip) for ip in found if not ipaddress.ip_address(str(ip)).is_loopback]
    return others or ["127.0.0.1"]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
