"""Reverse proxies: what a client asked for, as they say it, and the path that they show us under.

`X-Forwarded-For`, `-Proto` and `-Host` (which have no standard; RFC 7239 section 1 tells of them)
are believed from configured addresses only, and do not exist for the rest of the program.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from davstore.config import Network
from davstore.wsgi import Environ

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Proxied:
    """The `networks` of the proxies, and the `prefix` (such as /dav, or none) of all paths.

    A proxy may take the prefix away or leave it: nothing else begins like it.
    """

    networks: Sequence[Network] = ()
    prefix: str = ""

    def settle(self, environ: Environ) -> None:
        """Put the client's address, scheme and host, and the path without prefix, in the environ
        where a server without proxies would.
        """
        said = {name: environ.pop(f"HTTP_X_FORWARDED_{name}", "") for name in _SAID}
        if self.networks and self._trusts(_address(environ.get("REMOTE_ADDR", ""))):
            self._believe(environ, said)
        if self.prefix:
            environ["SCRIPT_NAME"] = self.prefix
            environ["PATH_INFO"] = without(self.prefix, environ.get("PATH_INFO", ""))

    def _believe(self, environ: Environ, said: dict[str, str]) -> None:
        addresses = [_address(each) for each in _list(said["FOR"])]
        # From the right: what stands left of a stranger's address is the stranger's word.
        hops = next(
            (n for n, each in enumerate(reversed(addresses), 1) if not self._trusts(each)),
            len(addresses),
        )
        if hops and addresses[-hops] is not None:
            environ["REMOTE_ADDR"] = str(addresses[-hops])
        scheme = _of_hop(said["PROTO"], hops).lower()
        if scheme in {"http", "https"}:
            environ["wsgi.url_scheme"] = scheme
        host = _of_hop(said["HOST"], hops)
        if host:
            environ["HTTP_HOST"] = host

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self.networks)


_SAID = ("FOR", "PROTO", "HOST")


def without(prefix: str, path: str) -> str:
    """`path` as it is below `prefix`, if it is."""
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path[len(prefix) :] or "/"
    return path


def _list(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]


def _of_hop(value: str, hops: int) -> str:
    """What the outermost of so many trusted proxies said, or the only one that said something."""
    values = _list(value)
    return values[-min(max(hops, 1), len(values))] if values else ""


def _address(text: str) -> _Address | None:
    """An address, with a port or without; None where it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
