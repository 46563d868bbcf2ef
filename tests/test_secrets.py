"""No token, password or link reaches a log, an error body or a page, even when all goes wrong."""

import io
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from davstore.logs import Redacted
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.serving import ACCOUNTS, Serving, serving, wait_until

PASSWORD = "correct-horse-battery"
NAME = "Tears of Steel"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any package logs, as `davstore serve --verbose` would show it and more."""
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setFormatter(Redacted("%(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield shown
    root.removeHandler(handler)
    root.setLevel(level)


def fill(sim: Simulator) -> None:
    for account in ACCOUNTS:
        files = [SimFile(f"{NAME}.mp4", Content.random(NAME, 4_000_000))]
        getattr(sim, account).add(SimMagnet(NAME, files=files, title=NAME, year=2012))


def path_of(account: str) -> str:
    year = " (2012)" if account == "plank" else ""
    return quote(f"/{account}/magnets/{NAME}{year}/{NAME}{year}.mp4")


def use_badly(served: Serving, sim: Simulator) -> list[str]:
    """Read, list and fail in every way; returns all that clients were told."""
    told = []
    for account in ACCOUNTS:
        told.append(served.get(path_of(account)).headers.__repr__())
        served.request("PROPFIND", f"/{account}/", headers={"Depth": "1"})
    sim.host.expire_all()
    for kind in ("status", "html_200", "cut", "wrong_range", "redirect", "reset"):
        fault = (
            Fault(kind, times=3, at_bytes=99) if kind in {"cut", "reset"} else Fault(kind, times=3)
        )
        sim.host.faults.add(fault)
        told += [told_by(served, account, Range="bytes=2000000-") for account in ACCOUNTS]
    sim.host.faults.clear()
    for account in ACCOUNTS:
        service = getattr(sim, account)
        for kind in ("html", "truncated_json", "wrong_type", "status", "reset"):
            service.faults.add(Fault(kind, times=1))
            try:
                served.refresh(account)
            except Exception:  # noqa: BLE001 - whatever is raised is looked at
                told.append(traceback.format_exc())
        service.stop()
        told.append(told_by(served, account))
    return told


def told_by(served: Serving, account: str, **headers: str) -> str:
    try:
        return served.get(path_of(account), headers=headers).text
    except OSError as error:
        return str(error.__class__)


def secrets_of(sim: Simulator, served: Serving) -> set[str]:
    secrets = {PASSWORD}
    for account in ACCOUNTS:
        settings = getattr(sim, account).settings
        keys = ("token", "password", "store_token")
        secrets |= {settings[key] for key in keys if key in settings}
    for call in sim.host.calls:
        secrets.add(call.path.split("/")[2])
    for call in sim.plank.calls:
        cookie = call.headers.get("Cookie", "")
        secrets |= {part for part in cookie.split("=")[1:] if part}
    for account in ("realdebrid", "alldebrid", "torz", "magnets"):
        for call in getattr(sim, account).calls:
            for name in ("Authorization", "X-Stremthru-Authorization"):
                secrets.add(call.headers.get(name, "x y").split(" ")[1])
    return {secret for secret in secrets if len(secret) > 3}


def test_no_secret_is_logged_or_told(
    sim: Simulator, tmp_path: Path, logged: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    fill(sim)
    with serving(sim, tmp_path, user="anna", password=PASSWORD, sleep=lambda _: None) as served:
        wait_until(
            lambda: all(served.request("HEAD", path_of(a)).status_code == 200 for a in ACCOUNTS)
        )
        told = use_badly(served, sim)
        secrets = secrets_of(sim, served)
    printed = capfd.readouterr()
    everything = "\n".join([logged.getvalue(), *told, printed.out, printed.err])
    assert len(secrets) > 12
    assert "Bearer" not in everything.replace("Bearer …", "")
    assert [secret for secret in secrets if secret in everything] == []


def test_the_net_under_the_log_blackens_links_and_logins() -> None:
    text = "GET https://anna:pw@host.example:8/dl/SECRET/a.mkv with Bearer TOKEN and token=ABC"
    record = logging.LogRecord("x", logging.ERROR, "", 0, text, None, None)
    assert Redacted("%(message)s").format(record) == (
        "GET https://host.example:8/… with Bearer … and token= …"
    )
