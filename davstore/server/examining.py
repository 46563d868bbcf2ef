"""What `davstore doctor` looks at: everything between a configuration and a film that plays. Each
finding is ok, a warning or wrong, in one line, with the cure.
"""

import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import chain
from pathlib import Path

from pydantic import ByteSize

from davstore import __version__
from davstore.catalog import integrity, look_into, server_of
from davstore.catalog.database.members import disagreements, machines, members
from davstore.config import Settings
from davstore.dashboard.words import day, many, rate, size, span
from davstore.errors import DavstoreError, Gone, StateError, StoreError
from davstore.model import Folder, Leaf, Snapshot
from davstore.mounting import CannotMount, rclone
from davstore.resolver import Failures, Resolver
from davstore.server.agreeing import member
from davstore.server.library import Library, upstream
from davstore.stores.base import Seeing, Seen
from davstore.stream import Streams
from davstore.transport import Unreachable, Way, way

OK, WARNING, WRONG = "ok", "warning", "wrong"
SAMPLE = 4 * 1024 * 1024
SLOW = 1024 * 1024
"""Bytes a second; less is too little for a film in high definition."""
PATIENCE = 3.0
"""Seconds for a first byte that nobody complains of."""
CHOICES = 3
"""Files that are tried where each was removed by somebody between our list and the read."""
LITTLE = 1024**3
SKEW = 120.0
WEEK = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, what was found, what to do."""

    subject: str
    state: str
    said: str
    cure: str = ""


def examined(settings: Settings, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """All findings, as they come."""
    yield Finding("davstore", OK, f"{__version__}, Python {platform.python_version()}, "
                                  f"{platform.system()} {platform.release()}")  # fmt: skip
    yield from _configuration(settings)
    yield from _state(settings, now)
    yield from _programs()
    try:
        library = Library(settings)
    except StateError as error:
        yield Finding("state", WRONG, str(error), "make the folder writable or set server.state")
        return
    try:
        for name in settings.accounts:
            yield from _Account(settings, library, name, now).findings()
    finally:
        library.close()


def _configuration(settings: Settings) -> Iterator[Finding]:
    parts = {"account": settings.accounts, "user": settings.users, "view": settings.views}
    counts = ", ".join(many(len(part), word) for word, part in parts.items())
    yield Finding("configuration", OK, counts)
    for user in settings.users:
        if not user.is_hashed:
            yield Finding("configuration", WARNING, f"the password of {user.name!r} stands there "
                          "plain", "put a hash made by `davstore password` there")  # fmt: skip


def _state(settings: Settings, now: Callable[[], float]) -> Iterator[Finding]:
    state = settings.server.state
    running = server_of(state)
    yield Finding("server", OK, f"process {running}" if running else "not running")
    place = next(each for each in (state, *state.parents) if each.exists())
    free = shutil.disk_usage(place).free
    due = int(settings.stream.edge_store) + LITTLE
    if free < LITTLE:
        yield Finding("disk", WRONG, f"{size(free)} free at {place}", "make room there")
    elif free < due:
        yield Finding("disk", WARNING, f"{size(free)} free at {place}",
                      "make room, or lower stream.edge_store")  # fmt: skip
    else:
        yield Finding("disk", OK, f"{size(free)} free at {place}")
    yield from _others(settings, now)
    try:
        trouble = integrity(state, settings.server.database)
    except StateError as error:
        trouble = str(error)
    if trouble:
        cure = f"stop the server and move {state / 'catalog.db'} away: it is made anew"
        if settings.server.database is not None:
            cure = "see whether it runs and may be reached from here, and `davstore migrate`"
        yield Finding("catalog", WRONG, trouble, cure)
    else:
        yield Finding("catalog", OK, "the database is whole")


def _others(settings: Settings, now: Callable[[], float]) -> Iterator[Finding]:
    """The davstores that share the database; where it fails, that is said of the catalog."""
    if settings.server.database is None:
        return
    try:
        engine = look_into(settings.server.state, settings.server.database)
        found, ahead = members(engine, now) if engine is not None else ([], 0.0)
    except StateError:
        return
    if engine is not None:
        engine.dispose()
    yield Finding("replicas", OK, f"running: {', '.join(machines(found)) or 'none'}")
    for each in disagreements(member(settings), found, ahead):
        said, _, cure = each.partition("; ")
        yield Finding("replicas", WARNING, said, cure)


def _programs() -> Iterator[Finding]:
    try:
        program = rclone()
    except CannotMount as error:
        said, _, cure = str(error).partition("; ")
        yield Finding("rclone", WARNING, said, f"only to mount on this machine: {cure}")
    else:
        yield _version(program)
    has_fuse = Path("/dev/fuse").exists() and shutil.which("fusermount3")
    if has_fuse:
        yield Finding("FUSE", OK, "/dev/fuse and fusermount3")
    else:
        yield Finding("FUSE", WARNING, "/dev/fuse or fusermount3 is missing",
                      "install fuse3 (in a container: --device /dev/fuse) to mount")  # fmt: skip


def _version(program: str) -> Finding:
    try:
        said = subprocess.run(  # noqa: S603 - the program that a mount runs, no arguments of others
            [program, "version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return Finding("rclone", WARNING, f"{program} does not run", "install a newer one to mount")
    return Finding("rclone", OK, said.partition("\n")[0])


class _Account:
    """The findings about one account."""

    def __init__(
        self, settings: Settings, library: Library, name: str, now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._library = library
        self._name = name
        self._now = now
        self._here = ""

    def findings(self) -> Iterator[Finding]:
        url = str(self._settings.accounts[self._name].url)
        try:
            found = way(url, self._now())
        except Unreachable as error:
            cure = "check url, DNS, firewall and proxy"
            yield Finding(self._subject(error.step), WRONG, str(error), cure)
            return
        yield from chain(self._way(found, "service"), self._clock(found), self._who())
        yield Finding(self._subject("address"), OK, address_words(self._seen(), found))
        yield from self._read()

    def _subject(self, what: str) -> str:
        return f"{self._name}: {what}"

    def _way(self, found: Way, what: str) -> Iterator[Finding]:
        if found.proxy:
            yield Finding(self._subject(what), OK, f"{found.host} by the proxy {found.proxy}")
            return
        others = f" (one of {len(found.addresses)})" if len(found.addresses) > 1 else ""
        place = "" if found.host == found.there else f" at {found.there}{others}"
        said = f"{found.host}{place}, reached from our address {found.here}"
        yield Finding(self._subject(what), OK, said if found.tls else f"{said}, plain http")
        if not self._here:
            self._here = found.here
        elif (":" in self._here) != (":" in found.here):
            yield Finding(
                self._subject("addresses"), WARNING,
                f"the service is reached from {self._here}, its file host from {found.here}",
                "services may refuse links used from another address: use one of IPv4 and IPv6",
            )  # fmt: skip
        if found.certificate is not None:
            left = found.certificate - self._now()
            state = WARNING if left < WEEK else OK
            yield Finding(self._subject(f"TLS of the {what}"), state,
                          f"{found.tls}, certificate for {span(left)} more",
                          "its owner must renew it" if state == WARNING else "")  # fmt: skip

    def _clock(self, found: Way) -> Iterator[Finding]:
        if found.ahead is None:
            return
        if abs(found.ahead) > SKEW:
            told = "behind" if found.ahead > 0 else "ahead of"
            yield Finding(self._subject("clock"), WRONG, f"ours is {span(abs(found.ahead))} {told} "
                          f"{found.host}'s", "set this machine's clock (NTP)")  # fmt: skip
        else:
            yield Finding(self._subject("clock"), OK, "as ours")

    def _who(self) -> Iterator[Finding]:
        try:
            who = self._library.stores[self._name].account()
        except StoreError as error:
            reason, _, cure = error.reason.partition("; ")
            yield Finding(self._subject("token"), WRONG, reason, cure or "see the service's site")
            return
        yield Finding(self._subject("token"), OK, "accepted")
        until, now = who.paid_until, self._now()
        if until is None:
            yield Finding(self._subject("plan"), OK, who.plan or "not told")
        elif until < now:
            yield Finding(self._subject("plan"), WRONG, f"ended {day(until)}", "renew it there")
        else:
            state = WARNING if until < now + WEEK else OK
            yield Finding(self._subject("plan"), state, f"{who.plan or 'paid'} until {day(until)}",
                          "renew it there" if state == WARNING else "")  # fmt: skip
        for quota in who.quotas:
            if quota.left is None:
                continue
            told = size(quota.left) if quota.unit == "bytes" else f"{quota.left:,} {quota.unit}"
            state = OK if quota.left else WRONG
            cure = "wait until the service resets it" if state == WRONG else ""
            yield Finding(self._subject("limits"), state, f"{quota.name}: {told} left", cure)

    def _seen(self) -> Seen | None:
        store = self._library.stores[self._name]
        if not isinstance(store, Seeing):
            return None
        try:
            return store.seen()
        except StoreError:
            return None  # older instances do not know that call; what else is wrong is said above

    def _read(self) -> Iterator[Finding]:
        catalog = self._library.catalog
        try:
            if catalog.known(self._name) is None:
                catalog.refresh(self._name)
        except StoreError as error:
            yield Finding(self._subject("listing"), WRONG, error.reason, "see the line above")
            return
        tried: set[str] = set()
        while len(tried) < CHOICES:
            leaf = _largest(catalog.known(self._name), tried)
            if leaf is None:
                yield Finding(self._subject("read"), WARNING, "there is no file to try",
                              "add something at the service")  # fmt: skip
                return
            found = self._sampled(leaf)
            if found.state != WRONG or not self._has_gone(leaf):
                yield found
                if found.state != WRONG:
                    yield from self._host(leaf)
                return
            tried.add(leaf.magnet)
        yield Finding(self._subject("read"), WARNING, f"{CHOICES} files were tried, and each was "
                      "removed meanwhile", "try again when nobody removes things")  # fmt: skip

    def _has_gone(self, leaf: Leaf) -> bool:
        """Whether the service, asked now, has it no longer: then nothing is wrong."""
        magnet = self._library.catalog.keeper(self._name).holding.magnets.get(leaf.magnet)
        try:
            for _, files in self._library.stores[self._name].files([magnet] if magnet else []):
                if isinstance(files, StoreError):
                    return isinstance(files, Gone)
                return all(each.path != leaf.file.path for each in files)
        except StoreError as error:
            return isinstance(error, Gone)
        return magnet is None

    def _sampled(self, leaf: Leaf) -> Finding:
        start = (leaf.size or 0) // 2
        end = min(start + SAMPLE, leaf.size or 0) - 1
        with tempfile.TemporaryDirectory() as folder:
            resolver, streams = self._streams(Path(folder))
            began, got, first = time.monotonic(), 0, 0.0
            try:
                body = streams.open(leaf, start, end)
                first = time.monotonic() - began
                for block in body:
                    got += len(block)
            except DavstoreError as error:
                cure = f"`davstore explain` says more of {leaf.name!r}"
                return Finding(self._subject("read"), WRONG, f"{error}, {size(got)} read", cure)
            finally:
                resolver.close()
                streams.close()
        seconds = max(time.monotonic() - began - first, 1e-6)
        said = f"{size(got)}, first byte after {first:.2f} s, then {rate(got / seconds)}"
        if first > PATIENCE or got / seconds < SLOW:
            return Finding(self._subject("read"), WARNING, said,
                           "the file host is slow from here: try again later")  # fmt: skip
        return Finding(self._subject("read"), OK, said)

    def _streams(self, folder: Path) -> tuple[Resolver, Streams]:
        library = self._library
        resolver = Resolver(library.stores, library.links, now=self._now)
        settings = self._settings.stream.model_copy(update={"edge_store": ByteSize(0)})
        accounts = {name: upstream(each) for name, each in self._settings.accounts.items()}
        learn = library.catalog.learn
        failures = Failures(self._now)
        return resolver, Streams(resolver, failures, accounts, learn, folder, settings)

    def _host(self, leaf: Leaf) -> Iterator[Finding]:
        link = self._library.links.get(leaf.account, leaf.file.ref)
        if link is None or not link.url:
            return
        try:
            found = way(link.url, self._now())
        except Unreachable:
            return  # it has just delivered: hosts need not answer HEAD
        yield from self._way(found, "file host")


def address_words(seen: Seen | None, found: Way) -> str:
    """From which address we come for a service: as it says, or else as far as it shows here."""
    if seen is not None and seen.ours:
        its = f", and is itself seen by the store as {seen.its}" if seen.its else ""
        return f"the service sees us as {seen.ours}{its}"
    if found.proxy:
        return f"that of the proxy {found.proxy}; the service does not say as what it sees us"
    if ip_address(found.here.partition("%")[0]).is_global:
        return f"{found.here}, as we leave here; the service does not say as what it sees us"
    if not ip_address(found.there.partition("%")[0]).is_global:
        return f"{found.here}, within this machine or network"
    return (f"not known: we leave here as {found.here}, a router's public address takes its place, "
            "and the service does not say which")  # fmt: skip


def _largest(snapshot: Snapshot | None, without: Collection[str], most: int = 50) -> Leaf | None:
    """A file that is large enough to tell, of the first magnets; none of those `without`."""
    if snapshot is None:
        return None
    best: Leaf | None = None
    folders: list[Folder] = [snapshot.magnets]
    looked = 0
    while folders and looked < most:
        for entry in folders.pop().entries.values():
            if isinstance(entry, Folder):
                folders.append(entry)
            elif entry.magnet in without:
                continue
            elif entry.size and (best is None or entry.size > (best.size or 0)):
                best = entry
        looked += 1
    return best
