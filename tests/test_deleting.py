"""Deleting with a way back, through a running server over the simulator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from davstore.config import Database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.serving import Serving, serving, wait_until

FILM = "/realdebrid/magnets/Sintel"
TRASH = "/realdebrid/trash"
DELETE: dict[str, Any] = {"delete": True}


def magnet(name: str, *files: str) -> SimMagnet:
    return SimMagnet(name, [SimFile(f, Content.random(f, 99)) for f in files])


def fill(sim: Simulator) -> None:
    sim.realdebrid.add(magnet("Sintel", "Sintel.mkv", "Subs/de.srt", "Subs/en.srt", "cover.jpg"))
    sim.realdebrid.add(magnet("Spring", "Spring.mkv", "Spring.nfo"))


@pytest.fixture
def served(sim: Simulator, tmp_path: Path, database: Database | None) -> Iterator[Serving]:
    fill(sim)
    changes = {"realdebrid": DELETE}
    accounts = ("realdebrid", "alldebrid")
    with serving(
        sim, tmp_path, accounts=accounts, changes=changes, user="anna", password="pw",
        database=database,
    ) as s:  # fmt: skip
        yield s


def names(served: Serving, path: str) -> set[str]:
    """The members of a folder, empty where there is none."""
    answer = served.request("PROPFIND", path, headers={"Depth": "1"})
    if answer.status_code == 404:
        return set()
    assert answer.status_code == 207
    hrefs = [part.split("</")[0] for part in answer.text.split("<D:href>")[1:]]
    return {unquote(href).rstrip("/").rpartition("/")[2] for href in hrefs[1:]}


def do(served: Serving, method: str, path: str, to: str = "", **headers: str) -> int:
    if to:
        headers["Destination"] = served.url.rstrip("/") + to
    return served.request(method, path, headers=headers).status_code


def at_the_store(sim: Simulator) -> set[str]:
    return {magnet.name for _, magnet in sim.realdebrid.library}


def test_a_deleted_magnet_is_in_the_trash_and_can_be_had_back(
    served: Serving, sim: Simulator
) -> None:
    assert names(served, "/realdebrid") >= {"magnets", "trash"}
    assert do(served, "DELETE", f"{FILM}/") == 204
    assert names(served, "/realdebrid/magnets") == {"Spring"}
    assert names(served, TRASH) == {"Sintel"}
    assert "Sintel.mkv" in names(served, f"{TRASH}/Sintel")
    assert served.get(f"{TRASH}/Sintel/cover.jpg").content == Content.random("cover.jpg", 99).read(
        0, 99
    )
    assert do(served, "MOVE", f"{TRASH}/Sintel/", f"{FILM}/") == 201
    assert names(served, "/realdebrid/magnets") == {"Sintel", "Spring"}
    assert names(served, TRASH) == set()
    assert at_the_store(sim) == {"Sintel", "Spring"}


def test_what_is_deleted_from_the_trash_is_removed_at_the_store(
    served: Serving, sim: Simulator
) -> None:
    assert do(served, "DELETE", FILM) == 204
    assert do(served, "DELETE", f"{TRASH}/Sintel") == 204
    assert names(served, TRASH) == set()
    wait_until(lambda: at_the_store(sim) == {"Spring"})
    assert names(served, "/realdebrid/magnets") == {"Spring"}
    wait_until(lambda: "anna<small>deleted from the trash" in served.get("/-/").text)


def test_a_file_is_hidden_alone_and_the_magnet_goes_with_its_last(
    served: Serving, sim: Simulator
) -> None:
    for at, path in enumerate(("Subs/de.srt", "Subs/en.srt", "Subs/", "Sintel.mkv", "cover.jpg")):
        assert do(served, "DELETE", f"{FILM}/{path}") == 204
        assert do(served, "DELETE", f"{FILM}/{path}") == 404
        assert ("Sintel" in names(served, TRASH)) is (at == 4)
    assert do(served, "DELETE", f"{FILM}/") == 204, "rmdir"
    assert do(served, "DELETE", f"{FILM}/") == 404
    assert names(served, "/realdebrid/magnets") == {"Spring"}
    assert names(served, f"{TRASH}/Sintel") == {"Sintel.mkv", "Subs", "cover.jpg"}
    assert do(served, "MOVE", f"{TRASH}/Sintel", FILM) == 201
    assert names(served, FILM) == {"Sintel.mkv", "Subs", "cover.jpg"}
    assert at_the_store(sim) == {"Sintel", "Spring"}


def test_an_account_without_the_setting_refuses_and_names_it(
    served: Serving, sim: Simulator
) -> None:
    sim.alldebrid.add(magnet("Charge", "Charge.mkv"))
    served.refresh("alldebrid")
    answer = served.request("DELETE", "/alldebrid/magnets/Charge")
    assert answer.status_code == 403
    assert "accounts.alldebrid.delete" in answer.text
    assert "trash" not in names(served, "/alldebrid")


def test_a_delete_after_a_refused_put_does_nothing(served: Serving) -> None:
    assert do(served, "PUT", f"{FILM}/cover.jpg") == 403
    assert do(served, "DELETE", f"{FILM}/cover.jpg") == 403
    assert "cover.jpg" in names(served, FILM)
    assert do(served, "DELETE", f"{FILM}/Sintel.mkv") == 204


def test_a_magnet_and_its_files_can_be_renamed(served: Serving, sim: Simulator) -> None:
    film = "/realdebrid/magnets/Sintel%20%E2%80%93%20%25%20%3F%3B%23%20b"
    assert do(served, "MOVE", FILM, "/realdebrid/magnets/CON") == 403
    assert do(served, "MOVE", FILM, film) == 201
    assert do(served, "MOVE", f"{film}/Sintel.mkv", f"{film}/film.mkv") == 201
    assert do(served, "MOVE", f"{film}/Subs/", f"{film}/Subtitles/") == 201
    assert names(served, film) == {"film.mkv", "cover.jpg", "Subtitles"}
    assert names(served, f"{film}/Subtitles") == {"de.srt", "en.srt"}
    [(id_, _)] = [pair for pair in sim.realdebrid.library if pair[1].name == "Sintel"]
    sim.realdebrid.change(id_, name="Sintel, another name")
    served.refresh("realdebrid")
    assert names(served, film) == {"film.mkv", "cover.jpg", "Subtitles"}


@pytest.mark.parametrize(
    ("source", "target", "headers", "status"),
    [
        (FILM, "/realdebrid/magnets/Spring", {"Overwrite": "F"}, 412),
        (FILM, "/realdebrid/Sintel", {}, 403),
        (FILM, "/alldebrid/magnets/Sintel", {}, 403),
        (FILM, "/realdebrid/magnets/none/Sintel", {}, 409),
        (FILM, FILM, {}, 403),
        (FILM, f"{FILM}/Subs/Sintel", {}, 403),
        (FILM, "/realdebrid/magnets/Other", {"Depth": "0"}, 400),
        (FILM, "/realdebrid/magnets/Other", {"Overwrite": "X"}, 400),
        (FILM, "/realdebrid/magnets/Other", {"If": "(<opaquelocktoken:none>)"}, 412),
        (f"{FILM}/cover.jpg", f"{FILM}/other.jpg", {"If-Match": '"other"'}, 412),
        (f"{FILM}/cover.jpg", f"{FILM}/Sintel.mkv", {"Overwrite": "F"}, 412),
        (f"{FILM}/cover.jpg", f"{FILM}/SINTEL.MKV", {"Overwrite": "F"}, 412),
        (f"{FILM}/cover.jpg", "/realdebrid/magnets/Spring/cover.jpg", {}, 403),
        (f"{FILM}/cover.jpg", f"{FILM}/none/cover.jpg", {}, 409),
        (f"{FILM}/none.jpg", f"{FILM}/cover.jpg", {}, 404),
        (f"{FILM}/Subs", f"{FILM}/Subs/deeper", {}, 403),
        ("/realdebrid/magnets", "/realdebrid/other", {}, 403),
    ],
)
def test_what_cannot_be_moved_is_refused(
    served: Serving, source: str, target: str, headers: dict[str, str], status: int
) -> None:
    assert do(served, "MOVE", source, target, **headers) == status
    assert names(served, "/realdebrid/magnets") == {"Sintel", "Spring"}
    assert names(served, FILM) == {"Sintel.mkv", "Subs", "cover.jpg"}


def test_overwriting_puts_what_stood_there_into_the_trash(served: Serving) -> None:
    assert do(served, "MOVE", FILM, "/realdebrid/magnets/Spring") == 204
    assert "cover.jpg" in names(served, "/realdebrid/magnets/Spring")
    [thrown] = names(served, TRASH)
    assert "Spring.nfo" in names(served, f"{TRASH}/{thrown}")
    assert do(served, "MOVE", f"{TRASH}/{thrown}", FILM) == 201
    assert "Spring.nfo" in names(served, FILM)


@pytest.mark.parametrize("path", ["/realdebrid", "/realdebrid/magnets", TRASH])
def test_the_accounts_own_folders_stay(served: Serving, path: str) -> None:
    assert do(served, "DELETE", path) == 403


def test_a_folder_is_deleted_with_all_or_not_at_all(served: Serving) -> None:
    assert do(served, "DELETE", FILM, Depth="0") == 400
    assert do(served, "DELETE", FILM, Depth="infinity") == 204


def test_nothing_is_copied(served: Serving) -> None:
    answer = served.request(
        "COPY", FILM, headers={"Destination": f"{served.url}realdebrid/magnets/Copy"}
    )
    assert answer.status_code == 403
    assert "copied" in answer.text
