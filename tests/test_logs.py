"""The log: one name a request, one net for secrets, two forms, and a level that may change."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from davstore import logs
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.serving import serving, wait_until

SECRET = "https://cdn.example.net/d/abcdefsecret/film.mkv?token=hush"


@pytest.fixture
def shown() -> Iterator[tuple[logging.Handler, io.StringIO]]:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(logs.OfRequest())
    ours = logging.getLogger("davstore")
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield handler, text
    ours.removeHandler(handler)
    ours.setLevel(level)


def test_a_request_is_followed_through_all_threads(
    sim: Simulator, tmp_path: Path, shown: tuple[logging.Handler, io.StringIO]
) -> None:
    handler, text = shown
    handler.setFormatter(logging.Formatter("%(request)s %(message)s"))
    film = Content.random("sintel", 3_000_000)
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", film)]))
    with serving(sim, tmp_path, accounts=("alldebrid",)) as running:
        path = "/alldebrid/magnets/Sintel/Sintel.mkv"
        wait_until(lambda: running.request("HEAD", path).status_code == 200)
        text.truncate(0)
        assert running.get(path, headers={"Range": "bytes=1500000-1500099"}).status_code == 206
        wait_until(lambda: "bytes 1500000 to" in text.getvalue())
        lines = [line.strip("\0") for line in text.getvalue().splitlines()]
        (name,) = {line.split()[0] for line in lines if "bytes 1500000 to" in line}
        caused = "\n".join(line for line in lines if line.startswith(name))
        assert "generated a link" in caused  # on the resolver's thread
        assert "POST" in caused or "GET v4" in caused  # the call to the service
        assert "'/alldebrid/magnets/Sintel/Sintel.mkv' bytes=1500000-1500099 -> 206" in caused


def test_an_answer_that_fails_names_its_request(sim: Simulator, tmp_path: Path) -> None:
    film = Content.random("sintel", 3_000_000)
    sim.alldebrid.add(SimMagnet("Sintel", files=[SimFile("Sintel.mkv", film)]))
    with serving(sim, tmp_path, accounts=("alldebrid",)) as running:
        path = "/alldebrid/magnets/Sintel/Sintel.mkv"
        wait_until(lambda: running.request("HEAD", path).status_code == 200)
        sim.host.faults.add(Fault("status", times=99))
        failed = running.get(path, headers={"Range": "bytes=1500000-1500099"})
        assert failed.status_code == 503
        assert failed.headers["X-Request-Id"].startswith(logs._process)
        assert "X-Request-Id" not in running.request("HEAD", path).headers


def test_threads_carry_the_request_along() -> None:
    with logs.Threads(1) as threads:
        logs.begin_request("one")
        first = threads.submit(logs.request)
        logs.begin_request("two")
        second = threads.submit(logs.request)
        assert (first.result(), second.result()) == ("one", "two")

        async def elsewhere() -> str:
            return await asyncio.get_running_loop().run_in_executor(threads, logs.request)

        assert asyncio.run(elsewhere()) == "two"
    logs.begin_request("")


def test_lines_of_json_are_objects_without_secrets(
    shown: tuple[logging.Handler, io.StringIO],
) -> None:
    handler, text = shown
    handler.setFormatter(logs.Json(["levelname", "message", "request"]))
    logs.begin_request("abcd-1")
    logging.getLogger("davstore.test").error(
        "asking %s failed, token=hush2", SECRET, exc_info=requests.ConnectionError(SECRET)
    )
    logs.begin_request("")
    (line,) = text.getvalue().splitlines()
    told = json.loads(line)
    assert (told["levelname"], told["request"]) == ("ERROR", "abcd-1")
    assert "cdn.example.net" in told["message"]
    assert "hush" not in line
    assert "abcdefsecret" not in line


def test_warnings_are_kept_for_the_dashboard_without_secrets() -> None:
    recent = logs.Recent()
    ours = logging.getLogger("davstore.test")
    ours.addHandler(recent)
    try:
        ours.warning("asking %s failed", SECRET)
        ours.info("not this")
        for number in range(logs.KEPT + 10):
            ours.warning("%d", number)
    finally:
        ours.removeHandler(recent)
    assert len(recent.remarks) == logs.KEPT
    assert recent.remarks[-1].text == str(logs.KEPT + 9)
    assert recent.remarks[-1].level == "warning"


@pytest.mark.parametrize(
    "address",
    ["http://anna:hush@proxy:3128", "postgresql+psycopg://anna:hush@db/davstore", SECRET],
)
def test_no_login_passes_in_an_address(address: str) -> None:
    shown = logs.redacted(f"asking {address} failed: '{address}'")
    assert "hush" not in shown
    assert shown.startswith("asking ")


def test_the_level_can_change() -> None:
    before = logs.level()
    logs.set_level("debug")
    assert logs.level() == "debug"
    logs.set_level(before if before in logs.LEVELS else "warning")
