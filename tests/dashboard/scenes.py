"""A scene with something of everything, and the dashboard over it without a socket."""

from collections.abc import Sequence
from typing import Any

from werkzeug.test import Client, TestResponse

from davstore.dashboard import (
    AccountScene,
    Action,
    Dashboard,
    Found,
    Offer,
    Process,
    Queued,
    Scene,
    Sees,
    Shelved,
    Tokens,
    Trashed,
)
from davstore.dashboard.scene import BUCKET, Point, Removed
from davstore.errors import NotAccepted
from davstore.logs import Remark
from davstore.model import Account, Magnet, Quota, Reader, Reading, Status
from davstore.tally import (
    BYTES,
    CALLS,
    EDGES,
    ERRORS,
    FIRST_BYTE,
    GENERATED,
    LINKS,
    REQUESTS,
    STARTS,
    Tally,
)

NOW = 1_800_000_000.0
DAY = 86400.0
SEEN = frozenset({"rd", "ad", "box", "home"})
ODD = 'Sintel <script>alert("2010")</script>.mkv'


def counted() -> Tally:
    tally = Tally()
    for _ in range(7):
        tally.count(STARTS, "rd")
        tally.time(FIRST_BYTE, 0.07, "rd")
        tally.count(LINKS, "rd", "known")
        tally.count(EDGES, "yes")
    tally.count(LINKS, "rd", "generated")
    tally.count(GENERATED, "rd", "ok")
    tally.count(CALLS, "rd", "ok", by=12)
    tally.count(CALLS, "rd", "RateLimited")
    tally.count(EDGES, "no")
    tally.count(BYTES, "rd", by=5e9)
    tally.count(ERRORS, "rd", "StreamBroken", by=2)
    tally.count(REQUESTS, "GET", "206", by=9)
    return tally


def scene() -> Scene:
    rd = AccountScene(
        "rd", "realdebrid", 1200, 1150, 9400, 14 * 10**12, 12, NOW - 40,
        who=Account("ada", "premium", NOW + 3 * DAY, (
            Quota("traffic", 20 * 10**9, 200 * 10**9), Quota("slots", 3, 25, "magnets"),
            Quota("fair use", None, 7, "points"), Quota("points", 812, None, "points"),
        ), ("MOVED_HOUSE",)),
        limit=16,
    )  # fmt: skip
    ad = AccountScene(
        "ad", "alldebrid", 300, 280, 900, 4 * 10**12, 0, NOW - 7200, 0,
        "the service refuses the login; check the token or password", NOW - 100,
        doubted=40, doubted_since=NOW - 400, kept=2, names=("Tears of Steel", ODD), limit=16,
    )  # fmt: skip
    at = int(NOW // BUCKET)
    history = {at - n: Point(3e6 * (n % 40), n % 7) for n in range(2, 300)}
    readings = [
        Reading(Reader("anna", "Kodi/21.1 (Linux; Android 12)", "192.168.1.20"), "rd", ODD, 0,
                4 * 10**9, 10**9, NOW - 600, 4.2e6, "cdn-7.example.net", 2),
        Reading(Reader("", "rclone/v1.75", "127.0.0.1"), "ad", "debian-12.11.0-amd64.iso",
                2 * 10**8, 6 * 10**8, 21 * 10**7, NOW - 3, 0.0, "", 0),
    ]  # fmt: skip
    process = Process(
        "0", 4711, NOW - 2 * DAY, counted().read(), readings, 5, {"rd": 15, "ad": 1}, history,
        {"ad": "the service refuses the login"},
        [Remark(NOW - 90, "warning", "ad: 40 of 300 magnets are said to be gone at once"),
         Remark(NOW - 30, "error", "a connection failed")],
    )  # fmt: skip
    other = Process("1", 4712, NOW - 60, counted().read(), history={at - 2: Point(10, 1)})
    magnets = [
        ("rd", Magnet("1", "ubuntu-24.04.2-live-server-amd64", Status.DOWNLOADING, "", size=2**31,
                      progress=61.0, added=NOW - 900)),
        ("ad", Magnet("2", "Cosmos Laundromat (2015)", Status.QUEUED, "")),
    ]  # fmt: skip
    today = int(NOW // DAY)
    growth = [(today - n, 3 + n % 11, 10**10) for n in range(200, 0, -1)]
    restart = ["server.port"]
    removed = [
        Removed("rd", ODD, 2**31, "anna", "deleted from the trash", 0.0, "the service is away"),
        Removed("rd", "Big Buck Bunny", None, "", "deleted", NOW - DAY, "removed"),
        Removed(
            "rd", "Spring", 9, "", "moved to ad", NOW, "kept in the trash: ad waits", is_kept=True
        ),
    ]
    return Scene(
        NOW, "1.2.3", (rd, ad), (process, other), magnets, growth, restart, "info",
        queue(), trash(), {"rd": 1}, removed, "nas1:8080", ["nas1:8080", "nas2:8080"],
    )  # fmt: skip


def queue() -> list[Queued]:
    return [
        Queued("rd", "a" * 40, ODD, "waits to be added", "", NOW - 60, "anna", can_go=True,
               failed=False),
        Queued("ad", "b" * 40, "Spring (2019)", "refused; it was not added", "not here", NOW - 600,
               "", can_go=True, failed=True),
        Queued("rd", "c" * 40, "Charge (2022)", "is being added", "", NOW - 5, "", can_go=False,
               failed=False),
    ]  # fmt: skip


def trash() -> list[Trashed]:
    return [
        Trashed("rd", "7", ODD, 2**31, "anna", "deleted", NOW - 7200, NOW + 5 * 3600),
        Trashed("ad", "8", "Agent 327 (2017)", None, "", "its last file deleted", NOW - DAY, 0.0),
    ]


class Shop:
    """An intake that is asked, and finds one film; what is searched for stands in `asked`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def accounts(self, sees: Sees) -> list[str]:
        return [name for name in ("rd", "ad") if sees(name)]

    def searching(self, sees: Sees) -> list[str]:
        return [name for name in ("box", "home") if sees(name)]

    def find(self, words: str, sees: Sees, kind: str = "") -> Found:
        self.asked.append(f"{words} {kind}".strip())
        if words == "wrong":
            raise NotAccepted("Give two letters or more to search for.")
        offer = Offer("d" * 40, ODD, "magnet:?xt=urn:btih:" + "d" * 40, 2**31, 99, ["ad"], ["rd"])
        bare = Offer("e" * 40, "Spring", "magnet:?xt=urn:btih:" + "e" * 40, None, None, [], [])
        shelved = Shelved("home", "Bunny & co", "home/magnets/Bunny & co/")
        return Found([offer, bare], [shelved], ["account 'box': the search fails"])

    def queue(self, sees: Sees) -> list[Queued]:
        return [each for each in queue() if sees(each.account)]

    def coming(self, sees: Sees) -> list[tuple[str, Magnet]]:
        return [("rd", Magnet("4", "Hero (2018)", Status.PROCESSING, ""))] if sees("rd") else []


class Desk:
    """The dashboard as a user with these rights sees it."""

    def __init__(
        self, shown: Scene, actions: Sequence[Action] = (), *, rights: frozenset[str] = frozenset()
    ) -> None:
        self.tokens = Tokens(b"k" * 32, lambda: NOW)
        self.intake = Shop()
        self.dashboard = Dashboard(lambda: shown, self.tokens, actions, intake=self.intake)
        self._rights = rights
        self.client = Client(self._named)

    def _named(self, environ: Any, start_response: Any) -> Any:
        environ |= {
            "davstore.user": "anna",
            "davstore.rights": self._rights,
            "davstore.sees": SEEN.__contains__,
        }
        environ["SCRIPT_NAME"] = "/-"
        return self.dashboard(environ, start_response)

    def get(self, path: str = "/") -> TestResponse:
        return self.client.get(path)
