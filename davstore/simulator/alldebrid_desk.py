"""AllDebrid's PINs and mails, saved links, hosts, notices and vouchers."""

import time
from collections.abc import Callable
from typing import Any

from flask import request

from davstore.simulator.alldebrid_shapes import ApiError
from davstore.simulator.store import View

HOSTS: dict[str, dict[str, Any]] = {
    "example": {"name": "example", "type": "premium", "domains": ["example.com"],
                "regexps": ["example\\.com/file/"], "status": True},
    "exampleorg": {"name": "exampleorg", "type": "premium", "domains": ["example.org"],
                   "regexps": ["example\\.org/"], "status": False, "quota": 4000,
                   "quotaMax": 5000, "quotaType": "traffic", "limitSimuDl": 2},
}  # fmt: skip
STREAMS = {"films": {"name": "films", "type": "free", "domains": ["films.example"],
                     "regexp": "films\\.example/"}}  # fmt: skip
REDIRECTORS = {"short": {"name": "short", "type": "free", "domains": ["short.example"],
                         "regexp": "short\\.example/"}}  # fmt: skip
DURATIONS = {"15", "30", "90", "180", "365"}
PRICE = 3.2


class Login:
    """PINs: a person types them with `accept` or `deny`. And the mail about a new place.

    While `mailed` is set every call is refused until its owner answers with `answer`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.pins: dict[str, dict[str, Any]] = {}
        self.keys: set[str] = set()
        self.mailed = ""
        self.answer = "waiting"
        self.resent = 0
        self.pin_life = 600.0

    def accept(self, pin: str) -> str:
        """Somebody has typed the PIN and said yes; the key that this brings."""
        key = f"SIMULATED-KEY-{len(self.keys):04}"
        self.keys.add(key)
        self.pins[pin]["key"] = key
        return key

    def deny(self, pin: str) -> None:
        """Somebody wants no part in it."""
        del self.pins[pin]

    def get(self) -> dict[str, Any]:
        """`pin/get`."""
        pin = f"PIN{len(self.pins):02}"
        self.pins[pin] = {"until": self.clock() + self.pin_life, "check": f"{len(self.pins):040x}"}
        page = "https://alldebrid.com/pin/"
        return {"pin": pin, "check": self.pins[pin]["check"], "expires_in": int(self.pin_life),
                "user_url": f"{page}?pin={pin}", "base_url": page}  # fmt: skip

    def check(self) -> dict[str, Any]:
        """`pin/check`."""
        known = self.pins.get(request.values.get("pin", ""))
        if known is None or known["check"] != request.values.get("check"):
            raise ApiError("PIN_INVALID")
        left = known["until"] - self.clock()
        if left <= 0:
            raise ApiError("PIN_EXPIRED")
        if "key" not in known:
            return {"activated": False, "expires_in": int(left)}
        return {"activated": True, "apikey": known["key"], "expires_in": int(left)}

    def verif(self, key: str) -> dict[str, Any]:
        """`user/verif`; `key` is the account's."""
        if request.values.get("token") != self.mailed or not self.mailed:
            raise ApiError("PIN_EXPIRED")
        if self.answer == "waiting":
            return {"verif": "waiting", "resendable": self.resent == 0}
        if self.answer == "allowed":
            self.mailed = ""
            return {"verif": "allowed", "apikey": key}
        return {"verif": "denied"}

    def resend(self) -> dict[str, Any]:
        """`user/verif/resend`."""
        if request.values.get("token") != self.mailed or not self.mailed:
            raise ApiError("PIN_EXPIRED")
        if self.resent:
            raise ApiError("ALREADY_SENT")
        self.resent += 1
        return {"sent": True}


class Desk:
    """Saved links, hosts, notices and vouchers of one account."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.saved: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.redirects: dict[str, list[str]] = {}
        self.notices = ["FREEDAYS_USED_QUOTA"]
        self.is_reseller = True
        self.balance = 51.6
        self.stock = ["AAAAAA-BBBBBB-CCCCCC-DDDDDD", "EEEEEE-FFFFFF-GGGGGG-HHHHHH"]

    @property
    def routes(self) -> dict[str, View]:
        """Answers by path."""
        return {
            "hosts": lambda: {"hosts": HOSTS, "streams": STREAMS, "redirectors": REDIRECTORS},
            "user/hosts": lambda: {"hosts": HOSTS},
            "user/links": lambda: {"links": list(self.saved)},
            "user/links/save": self._save,
            "user/links/delete": self._delete,
            "user/history": lambda: {"links": list(self.history)},
            "user/history/delete": self._purge,
            "user/notification/clear": self._clear,
            "link/redirector": self._redirect,
            "voucher/balance": self._balance,
            "voucher/get": self._get,
            "voucher/generate": self._generate,
        }

    def visited(self, link: str, name: str, size: int, host: str) -> dict[str, Any]:
        """A row of a list of links."""
        return {"link": link, "filename": name, "size": size, "date": int(self.clock()),
                "host": host}  # fmt: skip

    def _save(self) -> dict[str, Any]:
        links = request.values.getlist("links[]")
        if not links:
            raise ApiError("USER_LINK_MISSING")
        known = {row["link"] for row in self.saved}
        self.saved += [self.visited(link, link.rpartition("/")[2], 0, "example")
                       for link in links if link not in known]  # fmt: skip
        return {"message": "Link was successfully saved"}

    def _delete(self) -> dict[str, Any]:
        links = request.values.getlist("links[]")
        self.saved = [row for row in self.saved if row["link"] not in links]
        return {"message": "Link was successfully deleted"}

    def _purge(self) -> dict[str, Any]:
        self.history.clear()
        return {"message": "Links were successfully deleted"}

    def _clear(self) -> dict[str, Any]:
        code = request.values.get("code", "")
        self.notices = [notice for notice in self.notices if notice != code]
        return {"message": "Notification was cleared"}

    def _redirect(self) -> dict[str, Any]:
        found = self.redirects.get(request.values.get("link", ""))
        if found is None:
            raise ApiError("REDIRECTOR_NOT_SUPPORTED")
        return {"links": found}

    def _balance(self) -> dict[str, Any]:
        if not self.is_reseller:
            raise ApiError("ACCOUNT_INVALID")
        return {"balance": self.balance}

    def _wanted(self) -> int:
        self._balance()
        number = request.values.get("nb", "")
        if request.values.get("duration") not in DURATIONS:
            raise ApiError("VOUCHER_DURATION_INVALID")
        if not number.isdecimal() or not 1 <= int(number) <= 10:
            raise ApiError("VOUCHER_NB_INVALID")
        return int(number)

    def _get(self) -> dict[str, Any]:
        number = self._wanted()
        if not self.stock:
            raise ApiError("NO_MORE_VOUCHER")
        codes, self.stock = self.stock[:number], self.stock[number:]
        return {"codes": codes} | ({"partialList": True} if len(codes) < number else {})

    def _generate(self) -> dict[str, Any]:
        number = self._wanted()
        if number * PRICE > self.balance:
            raise ApiError("INSUFFICIENT_BALANCE")
        self.balance = round(self.balance - number * PRICE, 2)
        codes = [f"NEW{time.monotonic_ns() % 1000:03}-{n:06}" for n in range(number)]
        return {"codes": codes, "pricePerVoucher": PRICE, "total": round(number * PRICE, 2),
                "balance": self.balance}  # fmt: skip
