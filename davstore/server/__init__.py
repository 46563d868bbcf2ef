"""Builds davstore and keeps it running; alone knows cheroot.

`server` puts the objects together. `front` owns the clients' connections and delivers streams on
one event loop, and what is asked again (`repeats`); `workers` are cheroot's threads, which answer
everything else; `library` is the part that commands use without a server. `processes` runs several
servers as one. `certificate` keeps what TLS needs, `self_signed` makes it. `announcing` lets the
local network find it.
"""

from davstore.dav.people import digest_of
from davstore.server.announcing import announced, check_announcing
from davstore.server.library import Library, open_stores
from davstore.server.limits import settle
from davstore.server.processes import Processes
from davstore.server.self_signed import SelfSigned, own_names
from davstore.server.server import PortUnavailable, Server

__all__ = [
    "Library",
    "PortUnavailable",
    "Processes",
    "SelfSigned",
    "Server",
    "announced",
    "check_announcing",
    "digest_of",
    "open_stores",
    "own_names",
    "settle",
]
