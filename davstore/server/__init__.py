"""Builds davstore and keeps it running; alone knows cheroot.

`server` puts the objects together. `front` owns the clients' connections and delivers streams on
one event loop (`framing`), and what is asked again (`repeats`); `workers` are cheroot's threads,
which answer everything else; `library` is the part that commands use without a server. `processes`
runs several servers as one, `reloading` says which settings may change meanwhile. `certificate`
keeps what TLS needs, `self_signed` makes it. `announcing` lets the local network find it.

`watch` is what each process knows of itself, `observing` adds what is known of the accounts,
`pages` hands both to the dashboard and does what its buttons say (`intake`: adding and searching,
`trash`: having things back); `readiness` is for who starts servers. `explaining` says what is known
of a path, `examining` what is wrong with a set-up. `watching` is about films that are played.
`beside` copies what stands beside the database.
"""

from davstore.dav.people import digest_of
from davstore.server.announcing import announced, check_announcing
from davstore.server.beside import Place, copy_beside
from davstore.server.examining import Finding, examined
from davstore.server.explaining import Explainer
from davstore.server.library import Library, open_stores
from davstore.server.limits import settle
from davstore.server.processes import Processes
from davstore.server.server import PortUnavailable, Server
from davstore.server.watch import told_by_servers

__all__ = [
    "Explainer",
    "Finding",
    "Library",
    "Place",
    "PortUnavailable",
    "Processes",
    "Server",
    "announced",
    "check_announcing",
    "copy_beside",
    "digest_of",
    "examined",
    "open_stores",
    "settle",
    "told_by_servers",
]
