"""The folder of the links that an account keeps beside its magnets."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from davstore.config import Database
from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from tests.commands import davstore
from tests.serving import Serving, serving, wait_until

DELETE: Mapping[str, Any] = {"delete": True}
ISO = SimFile("debian-12.iso", Content.random("debian", 300_000))
OTHER = SimFile("debian-12.iso", Content.random("another debian", 200_000))


def visit(sim: Simulator, name: str, link: str) -> None:
    """Have the owner unlock a link on the service's site."""
    service = getattr(sim, name)
    headers = {"Authorization": f"Bearer {service.token}"}
    if name == "realdebrid":
        url, form = f"{service.url}/unrestrict/link", {"link": link}
    else:
        url, form = f"{service.url}/v4/user/links/save", {"links[]": link}
    assert requests.post(url, form, headers=headers, timeout=10).ok


def names(served: Serving, path: str) -> list[str]:
    body = served.request("PROPFIND", path, headers={"Depth": "1"}).text
    found = [part.split("<")[0] for part in body.split("displayname>")[1::2]]
    return sorted(found[1:])


def ready(served: Serving, path: str) -> Callable[[], bool]:
    return lambda: served.request("PROPFIND", path, headers={"Depth": "0"}).status_code == 207


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_links_stand_beside_magnets_and_stream(sim: Simulator, tmp_path: Path, name: str) -> None:
    service = getattr(sim, name)
    service.add(SimMagnet("Sintel", [SimFile("Sintel.mkv", Content.random("s", 5000))]))
    for file in (ISO, OTHER):
        visit(sim, name, service.hosters.put(file))
    with serving(sim, tmp_path, accounts=(name,)) as served:
        looks = "history" if name == "alldebrid" else "downloads"
        assert service.count(looks) == 0, "nobody has looked yet"
        assert "magnets" in names(served, f"/{name}/")
        wait_until(lambda: {"links", "magnets"} <= set(names(served, f"/{name}/")))
        both = names(served, f"/{name}/links/")
        assert len(both) == 2
        assert "debian-12.iso" in both
        bodies = {served.get(f"/{name}/links/{each}").content for each in both}
        assert bodies == {ISO.content.read(0, ISO.size), OTHER.content.read(0, OTHER.size)}
        part = served.get(f"/{name}/links/{both[0]}", headers={"Range": "bytes=100-199"})
        assert part.status_code == 206
        assert len(part.content) == 100


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_looking_costs_a_call_or_two_in_minutes(
    sim: Simulator, tmp_path: Path, database: Database | None, name: str
) -> None:
    service = getattr(sim, name)
    visit(sim, name, service.hosters.put(ISO))
    with serving(sim, tmp_path, database=database, accounts=(name,)) as served:
        served.request("PROPFIND", f"/{name}/links/", headers={"Depth": "1"})
        wait_until(ready(served, f"/{name}/links/"))
        before = service.count()
        for _ in range(20):
            assert names(served, f"/{name}/links/") == ["debian-12.iso"]
        assert service.count() == before


def test_what_was_known_is_there_after_a_restart(
    sim: Simulator, tmp_path: Path, database: Database | None
) -> None:
    visit(sim, "realdebrid", sim.realdebrid.hosters.put(ISO))
    with serving(sim, tmp_path, database=database, accounts=("realdebrid",)) as served:
        served.request("PROPFIND", "/realdebrid/links/", headers={"Depth": "1"})
        wait_until(ready(served, "/realdebrid/links/"))
    sim.realdebrid.faults.add(Fault("status", "downloads", times=None, status=503))
    with serving(sim, tmp_path, database=database, accounts=("realdebrid",)) as served:
        assert names(served, "/realdebrid/links/") == ["debian-12.iso"]


def test_a_service_that_fails_hides_neither_magnets_nor_links(
    sim: Simulator, tmp_path: Path
) -> None:
    sim.realdebrid.add(SimMagnet("Sintel", [SimFile("Sintel.mkv", Content.random("s", 5000))]))
    sim.realdebrid.faults.add(Fault("status", "downloads", times=None, status=404))
    with serving(sim, tmp_path, accounts=("realdebrid",)) as served:
        missing = served.request("PROPFIND", "/realdebrid/links/", headers={"Depth": "1"})
        assert missing.status_code == 503
        assert missing.headers["Retry-After"]
        assert names(served, "/realdebrid/magnets/") == ["Sintel"]


def test_files_of_torrents_do_not_stand_there_again(sim: Simulator, tmp_path: Path) -> None:
    sim.realdebrid.add(SimMagnet("Sintel", [SimFile("Sintel.mkv", Content.random("s", 5000))]))
    with serving(sim, tmp_path, accounts=("realdebrid",)) as served:
        assert served.get("/realdebrid/magnets/Sintel/Sintel.mkv").status_code == 200
        served.request("PROPFIND", "/realdebrid/links/", headers={"Depth": "1"})
        wait_until(ready(served, "/realdebrid/links/"))
        assert names(served, "/realdebrid/links/") == []


def test_accounts_without_links_have_no_such_folder(sim: Simulator, tmp_path: Path) -> None:
    with serving(sim, tmp_path, accounts=("torz",)) as served:
        assert "links" not in names(served, "/torz/")
        assert served.get("/torz/links/").status_code == 404


# Deleting


def filled(sim: Simulator, name: str) -> list[str]:
    """Two links, which the account keeps."""
    hosters = getattr(sim, name).hosters
    links = [hosters.put(SimFile(f"{word}.iso", Content.random(word, 900))) for word in "ab"]
    for link in links:
        visit(sim, name, link)
    return links


def kept(sim: Simulator, name: str) -> set[str]:
    """The links that the service says it keeps."""
    if name == "alldebrid":
        return {row["link"] for row in sim.alldebrid.desk.saved}
    token = {"Authorization": f"Bearer {sim.realdebrid.token}"}
    answer = requests.get(f"{sim.realdebrid.url}/downloads", headers=token, timeout=10)
    return {row["link"] for row in answer.json()} if answer.content else set()


@pytest.mark.parametrize("name", ["realdebrid", "alldebrid"])
def test_a_deleted_link_is_kept_no_longer(
    sim: Simulator, tmp_path: Path, database: Database | None, name: str
) -> None:
    first, second = filled(sim, name)
    visit(sim, name, first)
    accounts = {"accounts": (name,), "changes": {name: DELETE}}
    with serving(sim, tmp_path, database=database, user="anna", password="p", **accounts) as served:  # type: ignore[arg-type]
        served.request("PROPFIND", f"/{name}/links/", headers={"Depth": "1"})
        wait_until(ready(served, f"/{name}/links/"))
        assert served.get(f"/{name}/links/a.iso").status_code == 200
        assert served.request("DELETE", f"/{name}/links/a.iso").status_code == 204
        assert names(served, f"/{name}/links/") == ["b.iso"]
        assert kept(sim, name) == {second}
        assert served.request("DELETE", f"/{name}/links/a.iso").status_code == 404
        served.server.library.linked.refresh(name)
        assert names(served, f"/{name}/links/") == ["b.iso"], "though it was unlocked lately"
    with serving(sim, tmp_path, database=database, user="anna", password="p", **accounts) as served:  # type: ignore[arg-type]
        assert names(served, f"/{name}/links/") == ["b.iso"]
    config = str(tmp_path / "davstore.toml")
    [row] = map(json.loads, davstore("audit", "--json", "-c", config).stdout.splitlines())
    assert (row["who"], row["name"], row["outcome"]) == ("anna", "a.iso", "removed")
    assert row["began"] <= row["ended"]
    assert first not in json.dumps(row)


def test_what_alldebrid_remembers_by_itself_is_hidden_until_it_is_used_anew(
    sim: Simulator, tmp_path: Path, database: Database | None
) -> None:
    link = sim.alldebrid.hosters.put(ISO)
    sim.alldebrid.desk.history.append(sim.alldebrid.desk.visited(link, ISO.name, ISO.size, "x"))
    with serving(
        sim, tmp_path, database=database, accounts=("alldebrid",), changes={"alldebrid": DELETE}
    ) as served:
        linked = served.server.library.linked
        linked.refresh("alldebrid")
        assert served.request("DELETE", "/alldebrid/links/debian-12.iso").status_code == 204
        linked.refresh("alldebrid")
        assert names(served, "/alldebrid/links/") == []
        assert sim.alldebrid.desk.history, "the service could only forget all at once"
        visit(sim, "alldebrid", link)
        linked.refresh("alldebrid")
        assert names(served, "/alldebrid/links/") == ["debian-12.iso"], "it was saved since"


def test_who_may_not_delete_is_told_so(sim: Simulator, tmp_path: Path) -> None:
    filled(sim, "realdebrid")
    users = [{"name": "anna", "password": "p", "rights": ["read", "add"]},
             {"name": "owner", "password": "p", "rights": ["read", "add", "delete"]}]  # fmt: skip
    with serving(sim, tmp_path, accounts=("realdebrid",), users=users) as served:
        served.server.library.linked.refresh("realdebrid")
        for who, word in (("anna", "right to delete"), ("owner", "delete = true")):
            served.session.auth = (who, "p")
            answer = served.request("DELETE", "/realdebrid/links/a.iso")
            assert answer.status_code == 403
            assert word in answer.text
        assert served.request("DELETE", "/realdebrid/links/").status_code == 403
        target = {"Destination": f"{served.url}realdebrid/links/c.iso"}
        moved = served.request("MOVE", "/realdebrid/links/a.iso", headers=target)
        assert moved.status_code == 403
        assert "keeps its name" in moved.text
        assert names(served, "/realdebrid/links/") == ["a.iso", "b.iso"]


def test_a_link_that_the_service_does_not_let_go_of_stays(
    sim: Simulator, tmp_path: Path, database: Database | None
) -> None:
    filled(sim, "realdebrid")
    changes = {"realdebrid": DELETE}
    with serving(
        sim, tmp_path, database=database, accounts=("realdebrid",), changes=changes
    ) as served:
        served.server.library.linked.refresh("realdebrid")
        sim.realdebrid.faults.add(Fault("status", "downloads/delete", times=None, status=503))
        assert served.request("DELETE", "/realdebrid/links/a.iso").status_code == 503
        assert names(served, "/realdebrid/links/") == ["a.iso", "b.iso"]
        served.server.library.remover.turn()
        config = ("-c", str(tmp_path / "davstore.toml"))
        assert "not yet" in davstore("audit", *config).stdout
        sim.realdebrid.faults.clear()
        assert served.request("DELETE", "/realdebrid/links/a.iso").status_code == 204
        assert "not yet" not in davstore("audit", *config).stdout
