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
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from davstore.errors import DavstoreError

if TYPE_CHECKING:
    from zeroconf import ServiceInfo

log = logging.getLogger(__name__)

TYPE = "_webdav._tcp.local."
LONGEST_NAME = 63
"""Bytes of a label, RFC 6763 section 4.1.1; containers' machines may have names as long alone."""


class CannotAnnounce(DavstoreError):
    """The package that announces is missing."""


def check_announcing() -> None:
    """Raises `CannotAnnounce` where the package is missing."""
    if importlib.util.find_spec("zeroconf") is None:
        raise CannotAnnounce(
            'server.announce needs one more package: pip install "davstore[announce]"'
        )


def service(url: str, machine: str) -> "ServiceInfo":
    """What is said of the server at `url`, on a machine of this name."""
    from zeroconf import ServiceInfo  # noqa: PLC0415 - only there where it was asked for

    host, name = _own_address(url), machine.partition(".")[0] or "davstore"
    called = f"davstore on {name}"[:LONGEST_NAME]
    return ServiceInfo(
        TYPE, f"{called}.{TYPE}", port=urlsplit(url).port, properties={"path": "/"},
        server=f"{name}.local.", parsed_addresses=[host] if host else _addresses(),
    )  # fmt: skip


@contextmanager
def announced(url: str) -> Iterator[None]:
    """The server at `url` is announced during the block; a network that forbids it is no error."""
    from zeroconf import Error, InterfaceChoice, Zeroconf  # noqa: PLC0415 - as above

    try:
        host = _own_address(url)
        network = Zeroconf(interfaces=[host] if host else InterfaceChoice.All)
    except (OSError, Error) as error:
        log.warning("not announced: %s", error)
        yield
        return
    info = service(url, socket.gethostname())
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


def _own_address(url: str) -> str:
    """The one that is listened on; "" for all."""
    host = urlsplit(url).hostname or ""
    try:
        return "" if ipaddress.ip_address(host).is_unspecified else host
    except ValueError:
        return ""
