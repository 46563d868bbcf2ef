"""A magnet's folder that is moved or copied to another account's `incoming`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

USERS = [
    {"name": name, "password": "p", "rights": ["read", *rights]}
    for name, rights in {"anna": ["add", "delete"], "adds": ["add"], "ends": ["delete"]}.items()
]
SINTEL = "/torz/magnets/Sintel"


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[Serving]:
    for at, name in enumerate(("Sintel", "Spring")):
        files = [SimFile(f"{n}.mkv", Content.random(n, 500)) for n in (name, "b")]
        sim.torz.add(SimMagnet(name, files, hash=f"{at + 1:040x}"))
    sim.realdebrid.add(SimMagnet("Charge", files, hash="c" * 40))
    accounts = ("torz", "alldebrid", "realdebrid")
    changes = {"torz": {"delete": True}}
    with serving(
        sim, tmp_path, accounts=accounts, changes=changes, users=USERS, database=database
    ) as s:
        yield s


def move(
    served: Serving, path: str, to: str, who: str = "anna", method: str = "MOVE", **headers: str
) -> requests.Response:
    target = served.url.rstrip("/") + to
    return requests.request(
        method, served.url.rstrip("/") + path, headers={"Destination": target, **headers},
        auth=(who, "p"), timeout=30,
    )  # fmt: skip


def status(served: Serving, path: str, who: str = "anna") -> int:
    url = served.url.rstrip("/") + path
    return requests.request("PROPFIND", url, headers={"Depth": "0"}, auth=(who, "p"),
                            timeout=30).status_code  # fmt: skip


def test_it_is_added_there_and_goes_to_the_trash_here(served: Serving, sim: Simulator) -> None:
    assert move(served, f"{SINTEL}/", "/alldebrid/incoming/Sintel/").status_code == 201
    assert status(served, SINTEL) == 404
    assert status(served, "/torz/trash/Sintel") == 207
    wait_until(lambda: sim.alldebrid.taken == [f"{1:040x}"])
    assert len(sim.torz.library) == 2, "it can be had back"
    assert move(served, "/torz/trash/Sintel", SINTEL).status_code == 201
    assert status(served, f"{SINTEL}/Sintel.mkv") == 207


@pytest.mark.parametrize(
    ("path", "to", "who", "why"),
    [
        ("/realdebrid/magnets/Charge", "/alldebrid/incoming/c", "anna", "realdebrid.delete = true"),
        (SINTEL, "/alldebrid/incoming/s", "adds", "right to delete"),
        (SINTEL, "/alldebrid/incoming/s", "ends", "no such folder"),
        (SINTEL, "/torz/incoming/s", "anna", "in torz already"),
        (f"{SINTEL}/Sintel.mkv", "/alldebrid/incoming/s", "anna", "whole folder"),
        ("/torz/magnets", "/alldebrid/incoming/s", "anna", "whole folder"),
        ("/torz", "/alldebrid/incoming/s", "anna", "whole folder"),
        ("/torz/trash/Spring", "/alldebrid/incoming/s", "anna", "COPY"),
    ],
)
def test_what_cannot_be_moved_is_refused_with_the_reason_and_stays(
    served: Serving, sim: Simulator, path: str, to: str, who: str, why: str
) -> None:
    assert requests.delete(f"{served.url}torz/magnets/Spring", auth=("anna", "p"), timeout=30).ok
    answer = move(served, path, to, who)
    assert (answer.status_code, len(answer.text.splitlines())) in {(403, 1), (409, 1)}, answer.text
    assert why in answer.text
    assert status(served, path) == 207
    assert served.server.library.additions.waiting("alldebrid") == []
    assert sim.alldebrid.taken == []


def test_the_conditions_of_a_move_hold(served: Serving) -> None:
    to = "/alldebrid/incoming/s.magnet"
    assert move(served, SINTEL, to, Depth="0").status_code == 400
    assert move(served, SINTEL, to, **{"If-Match": '"x"'}).status_code == 412
    assert requests.put(served.url.rstrip("/") + to, auth=("anna", "p"), timeout=30).ok
    assert move(served, SINTEL, to, Overwrite="F").status_code == 412
    assert status(served, SINTEL) == 207


def test_what_copies_file_by_file_is_told_what_to_do(served: Serving) -> None:
    made = move(served, "/alldebrid/incoming/Sintel", "", method="MKCOL")
    assert made.status_code == 403
    for cure in ("COPY", "moveto", ".magnet"):
        assert cure in made.text
    for to in ("/alldebrid/incoming/Sintel.mkv", "/alldebrid/incoming/Sintel/Sintel.mkv"):
        answer = move(served, f"{SINTEL}/Sintel.mkv", to, method="COPY")
        assert answer.status_code in {403, 409}
        assert "folder" in answer.text
