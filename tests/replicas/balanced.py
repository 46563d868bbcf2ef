"""Replicas, each `davstore serve` in a process of its own, and the HAProxy before them."""

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote

import requests
import tomli_w

from davstore.simulator import Simulator
from tests.benchmarks.processes import Usage, found, usage_of
from tests.cables import Cable, cable
from tests.commands import free_port
from tests.programs import Fresh, Program
from tests.serving import wait_until

USER, PASSWORD = "anna", "a secret word"
RIGHTS = ["read", "add", "delete", "watch"]
NOTICE, DRAIN = 3.0, 60.0
"""Seconds; the notice is longer than HAProxy takes to see that a replica is not ready."""
_CONFIG = Path(__file__).parents[2] / "docker" / "haproxy.cfg"
_UNEXPECTED = re.compile(r"Traceback|^\S+ (?:ERROR|CRITICAL)", re.MULTILINE)


class Replica:
    """One of them; it can be killed and started again, also with another davstore's `code`: the
    folder that holds its package. Without one it is this davstore.
    """

    def __init__(
        self, config: Path, port: int, log: Path, kind: type[Program | Fresh] = Program,
        code: Path | None = None,
    ) -> None:  # fmt: skip
        self.port = port
        self.code = code
        self._kind = kind
        self._config = config
        self._log = log
        self._process: Program | Fresh | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return once it is ready."""
        self.begin()
        wait_until(self.is_ready, 60)

    def begin(self) -> None:
        """Return at once."""
        arguments = ("serve", "-c", str(self._config))
        if self.code is None:
            self._process = self._kind(*arguments, stderr=str(self._log))
        else:
            self._process = Fresh(*arguments, stderr=str(self._log), code=self.code)

    def is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.said[-2000:]
        try:
            return self.ask("GET", "/-/readyz").status_code == 200
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """As when the machine loses its power."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def pause(self) -> None:
        """As when its machine hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The reverse."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """As when it is upgraded; returns once it has ended in peace."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(NOTICE + DRAIN + 30) == 0

    def refresh(self) -> None:
        """Have the accounts refreshed, by whichever of them does so."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def said(self) -> str:
        """Its log."""
        return self._log.read_text("utf-8", "replace")

    def end(self) -> None:
        """However it stands."""
        if self._process is not None:
            self._process.end()

    def ask(
        self, method: str, path: str, data: bytes | str | None = None, **headers: str
    ) -> requests.Response:
        """On a connection of its own."""
        with session() as asking:
            return asking.request(method, self.url + path, data=data, headers=headers, timeout=60)

    def streams(self) -> int:
        """How many files are being read from it."""
        said = self.ask("GET", "/-/metrics").text
        return sum(int(float(n)) for n in re.findall(r"^davstore_streams\{.*\} (\S+)$", said, re.M))

    def lists(self, folder: str, name: str) -> bool:
        """Whether it shows that folder in it."""
        answer = self.ask("PROPFIND", folder, Depth="1")
        return answer.status_code == 207 and f"/{name}/" in unquote(answer.text)

    def refreshes(self, account: str) -> bool:
        """Whether it was the last of its own words that it does."""
        said = re.findall(
            rf"{account}: refreshed by (this|another) process", self._log.read_text("utf-8")
        )
        return bool(said) and said[-1] == "this"

    def usage(self) -> Usage:
        """What it has used so far, or holds now."""
        assert self._process is not None
        return usage_of(self._process.pid)

    def complaints(self) -> list[str]:
        """What its log should not hold."""
        text = self.said
        return [text[m.start() :].splitlines()[0] for m in _UNEXPECTED.finditer(text)]


class Reached(Protocol):
    """A replica, or a way to it."""

    @property
    def url(self) -> str: ...


@dataclass(frozen=True)
class Way:
    """A replica through a cable."""

    cable: Cable

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.cable.port}"


@contextmanager
def wired(over: Sequence[Replica]) -> Iterator[list[Way]]:
    """A cable to each."""
    with ExitStack() as stack:
        yield [Way(stack.enter_context(cable(each.port))) for each in over]


def session() -> requests.Session:
    """Logged in, and by no proxy but ours."""
    made = requests.Session()
    made.trust_env = False
    made.auth = (USER, PASSWORD)
    return made


@contextmanager
def replicas(
    sim: Simulator,
    folder: Path,
    state_url: str,
    *,
    count: int = 3,
    first: int = 1,
    accounts: Sequence[str] = ("alldebrid",),
    refresh: float = 10,
    ready: bool = True,
    views: Mapping[str, object] | None = MappingProxyType({}),
    kind: type[Program | Fresh] = Program,
    code: Path | None = None,
    **settings: object,
) -> Iterator[list[Replica]]:
    """So many, ready unless said otherwise, over one database and one folder of shares; each has a
    state of its own. They are numbered from the `first` on, and of the davstore of `code`.

    All `accounts` are at the simulated AllDebrid. `views` are none, or those that are there unasked
    for None. `kind`: by their own command, where they are measured. Further `settings` are the
    server's.
    """
    made = []
    with ExitStack() as stack:
        for number in range(first, first + count):
            own = folder / f"replica{number}"
            own.mkdir()
            port = free_port()
            server = {
                "port": port, "state": str(own / "state"), "state_url": state_url,
                "refresh": refresh, "refresh_quick": 5, "notice": NOTICE, "drain": DRAIN,
                "proxies": ["127.0.0.1"], **settings,
            }  # fmt: skip
            config = own / "davstore.toml"
            config.write_text(tomli_w.dumps({
                "server": server,
                "accounts": dict.fromkeys(accounts, sim.alldebrid.settings | {"delete": True}),
                "users": [{"name": USER, "password": PASSWORD, "rights": RIGHTS}],
                "shares": {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}},
                **({} if views is None else {"views": dict(views)}),
            }), "utf-8")  # fmt: skip
            made.append(Replica(config, port, own / "log", kind, code))
            stack.callback(made[-1].end)
            made[-1].begin()
        for each in made if ready else ():
            wait_until(each.is_ready, 60)
        yield made


@contextmanager
def balanced(
    over: Sequence[Reached],
    folder: Path,
    *,
    port: int = 0,
    spread: bool = False,
    hasty: bool = False,
) -> Iterator[str]:
    """The URL of an HAProxy as docker/ has it; any `port` where none is said. In the end it is
    killed.

    `spread`: each request goes to the next replica; `hasty`: one that hangs is given up in seconds.
    """
    port = port or free_port()
    text = _CONFIG.read_text("utf-8").replace(" resolvers names", "")
    text = text.replace("bind :8080", f"bind 127.0.0.1:{port}")
    for number, replica in enumerate(over, 1):
        text = text.replace(f"davstore-{number}:8080", replica.url.removeprefix("http://"))
    if spread:
        text = text.replace("balance leastconn", "balance roundrobin")
        text = text.replace("    option prefer-last-server\n", "")
    if hasty:
        for patient in ("timeout server 3m", "timeout server 60s"):
            assert patient in text
            text = text.replace(patient, "timeout server 5s")
    path = folder / "haproxy.cfg"
    path.write_text(text, "utf-8")
    with (folder / "haproxy.log").open("ab") as log:
        process = subprocess.Popen(
            [found("haproxy"), "-db", "-f", str(path)], stdout=log, stderr=log
        )
    try:
        with session() as asking:
            wait_until(lambda: process.poll() is not None or _answers(asking, port))
        assert process.poll() is None, (folder / "haproxy.log").read_text("utf-8")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def _answers(asking: requests.Session, port: int) -> bool:
    try:
        return asking.get(f"http://127.0.0.1:{port}/-/readyz", timeout=20).status_code == 200
    except requests.RequestException:
        return False
