"""How the simulator's tests ask a service: as any HTTP client would."""

from typing import Any

import requests

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from davstore.simulator.site import Site

BUNNY = SimMagnet("Big Buck Bunny (2008)", [
    SimFile("Big.Buck.Bunny.mkv", Content.random("bunny", 3_000_000)),
    SimFile("Subs/English.srt", Content.random("english", 4_000)),
    SimFile("sample.mkv", Content.random("sample", 50_000), selected=False),
])  # fmt: skip
SINTEL = SimMagnet("Sintel 2010", [SimFile("Sintel.mp4", Content.random("sintel", 70_000))])


class Asking:
    """A session with the headers that open an account."""

    def __init__(self, site: Site, base: str, **headers: str) -> None:
        self.site = site
        self.base = base
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update(headers)

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self.base + path
        options.setdefault("allow_redirects", False)
        return self.session.request(method, url, timeout=10, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self("GET", path, params=query)

    def post(self, path: str, **form: Any) -> requests.Response:
        return self("POST", path, data=form)


def real_debrid(sim: Simulator) -> Asking:
    account = sim.realdebrid
    return Asking(account, account.url, Authorization=f"Bearer {account.token}")


def alldebrid(sim: Simulator) -> Asking:
    account = sim.alldebrid
    return Asking(account, account.url, Authorization=f"Bearer {account.token}")


def host(sim: Simulator) -> Asking:
    return Asking(sim.host, sim.host.url)
