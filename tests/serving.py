"""A davstore server over the simulator, for whole-program tests."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import tomli_w

from davstore import config
from davstore.server.server import Server
from davstore.simulator import Simulator
from davstore.stores import STORES

ACCOUNTS = ("realdebrid", "alldebrid", "torz", "magnets", "plank")


@dataclass
class Serving:
    """A running server and a client session that is logged in."""

    server: Server
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        return self.server.url

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(self.url.rstrip("/") + path, timeout=30, **options)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.url.rstrip("/") + path, timeout=30, **options)

    def refresh(self, *accounts: str) -> None:
        for account in accounts or self.server.library.catalog.accounts:
            self.server.library.catalog.refresh(account)


def write_config(
    sim: Simulator,
    folder: Path,
    *,
    accounts: tuple[str, ...] = ACCOUNTS,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    server: Mapping[str, Any] | None = None,
    database: config.Database | None = None,
    **extra: Any,
) -> Path:
    """A config file that leads to the simulator, on a free port; `changes` by account, and those
    of the `server`. The state is in a folder, or in a `database`.
    """
    path = folder / "davstore.toml"
    where = {} if database is None else {"state_url": database.url.get_secret_value()}
    own = {"port": 0, "state": str(folder / "state"), "refresh": 3600, **where}
    content: dict[str, Any] = {
        "server": {**own, **(server or {})},
        "accounts": {
            name: {**getattr(sim, name).settings, **(changes or {}).get(name, {})}
            for name in accounts
        },
        "views": {},
    }
    content.update(extra)
    with path.open("wb") as file:
        tomli_w.dump(content, file)
    return path


def settings(path: Path) -> config.Settings:
    return config.load(path, {name: kind.settings for name, kind in STORES.items()}, {})


@contextmanager
def serving(
    sim: Simulator,
    folder: Path,
    *,
    accounts: tuple[str, ...] = ACCOUNTS,
    user: str = "",
    password: str = "",
    ready: bool = True,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    **extra: Any,
) -> Iterator[Serving]:
    """A running server; `ready` waits until every account has been listed. Its stores `sleep`
    between two tries.
    """
    if user:
        rights = ["read", "add", "delete", "watch", "manage"]
        extra = {"users": [{"name": user, "password": password, "rights": rights}], **extra}
    server = Server(
        settings(write_config(sim, folder, accounts=accounts, changes=changes, **extra)),
        sleep=sleep,
    )
    server.start()
    served = Serving(server)
    served.session.trust_env = False
    if user:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        served.session.headers["Authorization"] = f"Basic {token}"
    try:
        if ready:
            catalog = server.library.catalog
            wait_until(lambda: all(catalog.snapshot(name) for name in accounts))
        yield served
    finally:
        served.session.close()
        server.stop()


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Poll until `condition` holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
