"""`davstore search` and `davstore check-cache`, as a person types them."""

import json
import os
import time
from pathlib import Path

import pytest

from davstore.catalog import Additions, only_server, open_database
from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import complaint, davstore
from tests.serving import settings, write_config
from tests.stores.test_store_adding import torrent


@pytest.fixture
def config(sim: Simulator, tmp_path: Path) -> str:
    for name, seeders in (("Sintel.2010.1080p", 12), ("Sintel.2010.2160p", 99)):
        film = SimMagnet(name, [SimFile(f"{name}.mkv", Content.random(name, 1_500_000))])
        sim.torz.torznab.index(film, seeders)
    sim.magnets.cached.add(film.infohash)
    accounts = ("torz", "magnets", "realdebrid")
    return str(write_config(sim, tmp_path, accounts=accounts))


def test_a_search_says_what_there_is_and_where_it_is_cached(sim: Simulator, config: str) -> None:
    done = davstore("search", "sintel", "2010", "-c", config)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[1:]
    assert first.split() == ["1", "Sintel.2010.2160p", "1.5", "MB", "99", "magnets"]
    assert second.split() == ["2", "Sintel.2010.1080p", "1.5", "MB", "12"]


def test_a_search_as_json_has_the_links(sim: Simulator, config: str) -> None:
    rows = json.loads(davstore("search", "sintel", "--json", "-c", config).stdout)
    assert [(row["number"], row["seeders"], row["cached"]) for row in rows] == [
        (1, 99, ["magnets"]),
        (2, 12, []),
    ]
    assert rows[0]["link"].startswith(f"magnet:?xt=urn:btih:{rows[0]['hash']}")


@pytest.mark.parametrize("account", ["torz", "realdebrid"])
def test_what_was_found_is_added_by_its_number(sim: Simulator, config: str, account: str) -> None:
    command = ("search", "sintel", "--add", "2", "--to", account, "-c", config)
    done = davstore(*command)
    assert done.returncode == 0, done.stderr
    assert f"added to {account}: Sintel.2010.1080p" in done.stdout
    [(_, magnet)] = getattr(sim, account).library
    assert magnet.status == "ready"
    assert "already" in davstore(*command).stdout
    assert len(getattr(sim, account).library) == 1


def test_nothing_found_is_said(config: str) -> None:
    assert davstore("search", "nothing such", "-c", config).stdout.strip() == "nothing was found"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--add", "1"), "--add needs --to ACCOUNT, one of: torz, magnets, realdebrid"),
        (("--add", "9", "--to", "torz"), "there is no result 9; 2 were found"),
        (("--add", "1", "--to", "nobody"), "nothing can be added to 'nobody'"),
        (("--category", "fims"), "there is no category 'fims'; known are movies"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_cure(
    config: str, options: tuple[str, ...], said: str
) -> None:
    assert said in complaint(davstore("search", "sintel", *options, "-c", config))


def test_a_category_is_a_word_or_a_number(sim: Simulator, config: str) -> None:
    for category, count in (("movies", 2), ("2000", 2), ("tv", 0)):
        done = davstore("search", "sintel", "--category", category, "--json", "-c", config)
        assert len(json.loads(done.stdout)) == count


def test_the_cache_is_asked_for_links_hashes_and_files(
    sim: Simulator, config: str, tmp_path: Path
) -> None:
    file = torrent()
    (tmp_path / "sintel.torrent").write_bytes(file.torrent)
    sim.torz.cached.add(file.hash)
    link = f"magnet:?xt=urn:btih:{'a' * 40}&dn=Spring"
    asked = [link, "b" * 40, str(tmp_path / "sintel.torrent")]
    done = davstore("check-cache", *asked, "--json", "-c", config)
    assert done.returncode == 0, done.stderr
    rows = {row["hash"]: row for row in json.loads(done.stdout)}
    assert [rows[each]["cached"] for each in ("a" * 40, "b" * 40, file.hash)] == [[], [], ["torz"]]
    assert rows["a" * 40]["name"] == "Spring"
    shown = davstore("check-cache", *asked, "-c", config).stdout.splitlines()
    assert shown[0].split() == ["name", "torz", "magnets"]
    assert shown[3].split()[-2:] == ["ready", "no"]


def test_an_account_that_fails_is_said_and_costs_no_other(sim: Simulator, config: str) -> None:
    sim.magnets.premium = False
    done = davstore("check-cache", "b" * 40, "-c", config)
    assert "account 'magnets'" in complaint(done)
    assert done.stdout.splitlines()[1].split()[-2:] == ["no", "?"]


def test_what_is_no_magnet_is_said(config: str) -> None:
    assert "no magnet link, no hash and no file" in complaint(
        davstore("check-cache", "sintel", "-c", config)
    )


def test_without_an_account_that_can_it_is_said(sim: Simulator, tmp_path: Path) -> None:
    config = str(write_config(sim, tmp_path, accounts=("realdebrid",)))
    for command in (("search", "sintel"), ("check-cache", "b" * 40)):
        assert "StremThru" in complaint(davstore(*command, "-c", config))


def test_beside_a_server_what_was_found_goes_into_its_queue(sim: Simulator, tmp_path: Path) -> None:
    name = "Sintel.2010.1080p"
    film = SimMagnet(name, [SimFile(f"{name}.mkv", Content.random(name, 1_500_000))])
    sim.torz.torznab.index(film, 12)
    config = write_config(sim, tmp_path, accounts=("torz",))
    state = settings(config).server.state
    command = ("search", "sintel", "--add", "1", "--to", "torz", "-c", str(config))
    with only_server(state):
        done = davstore(*command)
        assert done.returncode == 0, done.stderr
        assert f"queued for torz: {name}; process {os.getpid()} adds it" in done.stdout
        assert "given to torz already" in davstore(*command).stdout
    assert sim.torz.taken == []
    engine = open_database(state, time.time)
    [waiting] = Additions(engine).waiting("torz")
    engine.dispose()
    assert (waiting.hash, waiting.name, waiting.person) == (film.infohash, name, "")
