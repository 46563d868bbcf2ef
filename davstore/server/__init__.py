"""Builds davstore and keeps it running; alone knows cheroot.

`server` puts the objects together. `front` owns the clients' connections and delivers streams on
one event loop; `workers` are cheroot's threads, which answer everything else; `library` is the
part that commands use without a server. `processes` runs several servers as one.
"""

from davstore.server.explaining import Explainer
from davstore.server.library import Library, open_stores
from davstore.server.limits import settle
from davstore.server.processes import Processes
from davstore.server.server import PortUnavailable, Server

__all__ = [
    "Explainer",
    "Library",
    "PortUnavailable",
    "Processes",
    "Server",
    "open_stores",
    "settle",
]
