"""The commands about one account, and the status of all, as a person types them."""

import json
from pathlib import Path
from typing import Any

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.commands import complaint, davstore
from tests.serving import write_config

DEBIAN = SimFile("debian-12.iso", Content.random("debian", 50_000))


@pytest.fixture
def config(sim: Simulator, tmp_path: Path) -> str:
    film = SimFile("Sintel.mkv", Content.random("sintel", 9000))
    for service in (sim.realdebrid, sim.alldebrid):
        service.add(SimMagnet("Sintel", [film]))
        service.add(SimMagnet("Charge [2022]", [film], status="downloading"))
        service.add(SimMagnet("Hero", [film], status="failed"))
    return str(write_config(sim, tmp_path, accounts=("realdebrid", "alldebrid", "torz")))


def said(*arguments: str) -> Any:
    done = davstore(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_status_says_all_at_a_glance(config: str, sim: Simulator) -> None:
    assert davstore("refresh", "-c", config).returncode == 0
    shown = davstore("status", "-c", config).stdout
    for text in (
        "ada", "premium", "1 ready, 1 downloading, 1 failed", "[########............]  42 %",
        "active: 24 of 25 torrents left", "exampleorg, daily: 4.0 GB of 5.0 GB left",
        "downloaded since 2026-01-02: 12.0 GB", "notice FREEDAYS_USED_QUOTA",
    ):  # fmt: skip
        assert text in shown
    told = {account["name"]: account for account in said("status", "-c", config)["accounts"]}
    assert told["realdebrid"]["service"]["account"]["user"] == "ada"
    assert told["alldebrid"]["catalog"]["by_status"] == {"downloading": 1, "failed": 1, "ready": 1}
    assert told["torz"]["service"]["account"]
    before = sim.realdebrid.count()
    offline = said("status", "-c", config, "--offline")
    assert sim.realdebrid.count() == before
    assert offline["accounts"][0]["service"] is None


def test_a_service_in_trouble_spoils_no_other(config: str, sim: Simulator) -> None:
    sim.alldebrid.fail("AUTH_USER_BANNED", times=None)
    done = davstore("status", "-c", config)
    assert done.returncode == 0
    assert "alldebrid: the account is banned" in done.stdout
    assert "active: 24 of 25" in done.stdout


def test_a_notice_is_dismissed(config: str, sim: Simulator) -> None:
    done = davstore("status", "-c", config, "--dismiss", "alldebrid", "FREEDAYS_USED_QUOTA")
    assert done.returncode == 0, done.stderr
    assert sim.alldebrid.desk.notices == []


def test_links_are_unlocked_kept_and_forgotten(config: str, sim: Simulator) -> None:
    link = sim.alldebrid.hosters.put(DEBIAN)
    dead = sim.alldebrid.hosters.put(DEBIAN, down=True)
    done = davstore("unlock", "alldebrid", dead, link, "-c", config)
    assert done.returncode == 1
    assert "no longer available" in done.stdout
    assert f"{sim.host.url}/d/" in done.stdout, "one that fails costs none of the others"
    kept = said("links", "alldebrid", "--save", link, "-c", config)
    assert [(row["kind"], row["file"]["path"]) for row in kept] == [("saved", DEBIAN.name)]
    assert said("links", "alldebrid", "--forget", DEBIAN.name, "--purge", "-c", config) == []
    missing = complaint(davstore("links", "alldebrid", "--forget", "nothing", "-c", config))
    assert "no link named 'nothing'" in missing


def test_a_container_is_unlocked(config: str, sim: Simulator, tmp_path: Path) -> None:
    sim.realdebrid.hosters.containers[b"DLC"] = [sim.realdebrid.hosters.put(DEBIAN)]
    (tmp_path / "films.dlc").write_bytes(b"DLC")
    (found,) = said("unlock", "realdebrid", str(tmp_path / "films.dlc"), "-c", config)
    assert found["name"] == DEBIAN.name
    assert "no file" in complaint(davstore("unlock", "realdebrid", "no.dlc", "-c", config))


def test_magnets_that_failed_are_restarted(config: str, sim: Simulator) -> None:
    (found,) = said("restart", "alldebrid", "-c", config)
    assert (found["name"], found["problem"]) == ("Hero", "")
    assert "no magnet has failed" in complaint(davstore("restart", "alldebrid", "-c", config))
    assert "add it again" in complaint(davstore("restart", "realdebrid", "-c", config))


def test_settings_are_shown_and_changed(config: str, sim: Simulator) -> None:
    found = said("settings", "realdebrid", "locale", "fr", "-c", config)
    assert {row["name"]: row["value"] for row in found}["locale"] == "fr"
    assert sim.realdebrid.choices.values["locale"] == "fr"
    wrong = davstore("settings", "realdebrid", "locale", "xx", "-c", config)
    assert wrong.returncode == 2
    assert "one of en, fr" in wrong.stderr


def test_hosts_media_and_vouchers(config: str, sim: Simulator) -> None:
    assert said("hosts", "alldebrid", "-c", config)[0]["name"] == "example"
    assert said("vouchers", "alldebrid", "-c", config)["balance"] == 51.6
    davstore("refresh", "realdebrid", "-c", config)
    path = "/realdebrid/magnets/Sintel/Sintel.mkv"
    assert said("media", path, "-c", config)["hls"].endswith(".m3u8")
    nothing = complaint(davstore("media", "/realdebrid/magnets/Sintel", "-c", config))
    assert "no file stands at" in nothing


@pytest.mark.parametrize("command", ["hosts", "links", "vouchers", "settings", "restart", "login"])
def test_what_a_service_cannot_do_is_said(config: str, command: str) -> None:
    assert "'torz': its service has no" in complaint(davstore(command, "torz", "-c", config))


def test_an_account_that_is_not_there(config: str) -> None:
    said = complaint(davstore("hosts", "nobody", "-c", config))
    assert "no account 'nobody'; known are realdebrid" in said


def test_what_prints_a_table_prints_json(config: str) -> None:
    assert {row["name"] for row in said("check", "-c", config)} >= {"realdebrid", "alldebrid"}
    rows = said("ls", "-R", "/realdebrid", "-c", config)
    assert "magnets/Sintel/Sintel.mkv" in {row["name"] for row in rows}
    assert said("views", "-c", config) == []
