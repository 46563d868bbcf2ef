"""All that is done to the server at once."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, unquote
from xml.etree import ElementTree as ET

import requests

from davstore.simulator import Content, Fault, SimMagnet, Simulator
from tests.soaking.served import PASSWORD, USER, Served

PLAYERS, SCANS = 6, 2
BLOCK = 64 * 1024
PACE = 4e6
"""Bytes a second of one player."""
HREF = "{DAV:}href"


class Tally:
    """What was seen, by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Begin anew, but for what was wrong."""
        with self._lock:
            self.times: dict[str, list[float]] = defaultdict(list)
            self.counts: Counter[str] = Counter()
            self.bytes = 0
            self.wrong: list[str] = getattr(self, "wrong", [])

    @property
    def requests(self) -> int:
        return sum(self.counts.values())

    def took(self, what: str, seconds: float) -> None:
        with self._lock:
            self.times[what].append(seconds)

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def read(self, number: int) -> None:
        with self._lock:
            self.bytes += number

    def is_wrong(self, what: str) -> None:
        with self._lock:
            self.wrong.append(what)


class Load:
    """Everybody who uses or disturbs the server, while `run` runs."""

    def __init__(
        self, served: Served, sim: Simulator, accounts: Sequence[str], tally: Tally,
        content: Callable[[str], Content], film: Callable[[int], SimMagnet], dice: random.Random,
    ) -> None:  # fmt: skip
        self._served = served
        self._sim = sim
        self._accounts = accounts
        self._tally = tally
        self._content = content
        self._film = film
        self._dice = dice
        self._over = threading.Event()
        self._next = 1000

    def run(
        self, seconds: float, every: float = 1e9, tell: Callable[[], None] = lambda: None
    ) -> None:
        """For so long; calls `tell` every so often."""
        self._over.clear()
        work: list[Callable[[random.Random, requests.Session], None]] = [
            *[self._play] * PLAYERS, *[self._scan] * SCANS,
            self._write, self._change, self._break, self._reload,
        ]  # fmt: skip
        seeds = [self._dice.random() for _ in work]
        threads = [threading.Thread(target=self._over_and_over, args=pair)
                   for pair in zip(work, seeds, strict=True)]  # fmt: skip
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                time.sleep(min(left, every))
                tell()
        finally:
            self._over.set()
        for thread in threads:
            thread.join(60)
        self._sim.host.faults.clear()
        for account in self._accounts:
            getattr(self._sim, account).faults.clear()

    def _over_and_over(
        self, work: Callable[[random.Random, requests.Session], None], seed: float
    ) -> None:
        dice = random.Random(seed)
        while not self._over.is_set():
            with requests.Session() as session:
                session.trust_env = False
                session.auth = (USER, PASSWORD)
                for _ in range(20):
                    if self._over.is_set():
                        break
                    try:
                        work(dice, session)
                    except requests.RequestException as error:
                        self._tally.count(f"cut ({type(error).__name__})")

    @contextmanager
    def _asked(
        self, session: requests.Session, what: str, method: str, path: str, **options: object
    ) -> Iterator[requests.Response]:
        began = time.monotonic()
        with session.request(
            method,
            self._served.url + quote(path),
            timeout=60,
            **options,  # type: ignore[arg-type]
        ) as answer:
            self._tally.took(what, time.monotonic() - began)
            self._tally.count(f"{method} {answer.status_code}")
            yield answer

    def _listed(self, session: requests.Session, path: str) -> list[str]:
        with self._asked(session, "listing", "PROPFIND", path, headers={"Depth": "1"}) as answer:
            if answer.status_code != 207:
                return []
            found = [unquote(each.text or "") for each in ET.fromstring(answer.content).iter(HREF)]
        return found[1:]

    def _play(self, dice: random.Random, session: requests.Session) -> None:
        """Some seconds of a film from somewhere in it, and away, often in the middle."""
        place = dice.choice(["/Movies/", *(f"/{account}/magnets/" for account in self._accounts)])
        folders = self._listed(session, place)
        files = self._listed(session, dice.choice(folders)) if folders else []
        if not files:
            return
        path = dice.choice(files)
        name = path.rsplit("/", 1)[-1]
        content = self._content(name)
        start = dice.choice([0, dice.randrange(content.size), content.size - 40_000])
        until = time.monotonic() + dice.uniform(0.2, 6.0)
        options = {"headers": {"Range": f"bytes={start}-"}, "stream": True}
        with self._asked(session, "first byte", "GET", path, **options) as answer:
            if answer.status_code == 206:
                self._compare(answer, content, start, until, path)

    def _compare(
        self, answer: requests.Response, content: Content, at: int, until: float, path: str
    ) -> None:
        first, began = at, time.monotonic()
        for block in answer.iter_content(BLOCK):
            if block != content.read(at, len(block)):
                self._tally.is_wrong(f"{path}: other bytes from {at} on")
                return
            at += len(block)
            self._tally.read(len(block))
            if time.monotonic() > until or self._over.is_set():
                return
            self._over.wait(max(0.0, (at - first) / PACE - (time.monotonic() - began)))
        if at != content.size:
            self._tally.is_wrong(f"{path}: ended at {at} of {content.size}, and was called whole")

    def _scan(self, dice: random.Random, session: requests.Session) -> None:
        """As a media server looks through everything."""
        for path in ["/", "/Everything/", "/Movies/", *self._listed(session, "/Movies/")]:
            if self._over.wait(0.01):
                return
            self._listed(session, path)

    def _write(self, dice: random.Random, session: requests.Session) -> None:
        """A file that comes, is read, moved and deleted."""
        name, data = f"/scratch/{dice.random()}.nfo", dice.randbytes(dice.randrange(200_000))
        with self._asked(session, "write", "PUT", name, data=data):
            pass
        with self._asked(session, "read back", "GET", name) as answer:
            if answer.status_code == 200 and answer.content != data:
                self._tally.is_wrong(f"{name}: not what was written")
        moved = {"Destination": f"{self._served.url}{name}.moved"}
        with self._asked(session, "move", "MOVE", name, headers=moved):
            pass
        with self._asked(session, "delete", "DELETE", f"{name}.moved"):
            pass
        self._over.wait(0.5)

    def _change(self, dice: random.Random, session: requests.Session) -> None:
        """Magnets come and go."""
        account = getattr(self._sim, dice.choice(self._accounts))
        if dice.random() < 0.5:
            self._next += 1
            account.add(self._film(self._next))
        elif len(account.library) > 20:
            account.remove(dice.choice(account.library)[0])
        self._over.wait(1.0)

    def _break(self, dice: random.Random, session: requests.Session) -> None:
        """Links expire, hosts cut, services answer rubbish."""
        self._sim.host.faults.add(dice.choice([
            Fault("cut", at_bytes=dice.randrange(900_000)),
            Fault("reset", at_bytes=dice.randrange(900_000)), Fault("reset"),
            Fault("stall", at_bytes=100_000, seconds=1), Fault("slow", seconds=1),
            Fault("status", status=503), Fault("html_200"), Fault("ignore_range"),
        ]))  # fmt: skip
        if dice.random() < 0.3:
            self._sim.host.expire_all()
        if dice.random() < 0.3:
            api = getattr(self._sim, dice.choice(self._accounts))
            kind = dice.choice(["html", "empty", "truncated_json", "reset", "slow"])
            api.faults.add(Fault(kind))
        for site in self._sim.sites:
            site.calls.clear()  # an hour of them would fill this process
        self._over.wait(0.5)

    def _reload(self, dice: random.Random, session: requests.Session) -> None:
        """The server is told to refresh, and its file of users is another."""
        self._served.refresh()
        name = f"guest{dice.randrange(10**6)}"
        self._served.add_user(name)
        began = time.monotonic()
        while self._served.status(name, PASSWORD) != 200 and not self._over.is_set():
            if time.monotonic() - began > 30:
                self._tally.is_wrong("a new user is not let in after 30 s")
                break
            self._over.wait(0.2)
        self._tally.took("new user", time.monotonic() - began)
        self._over.wait(10.0)
