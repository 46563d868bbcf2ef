import socket
import time
from pathlib import Path

import pytest

from davstore.simulator import Content, Fault, SimFile, SimMagnet, Simulator
from davstore.simulator import media as films
from tests.simulator.asking import SINTEL, host, real_debrid


def test_starting_is_quick() -> None:
    began = time.perf_counter()
    for _ in range(5):
        with Simulator():
            pass
    assert time.perf_counter() - began < 1


def test_stopping_twice_is_harmless() -> None:
    sim = Simulator().start()
    sim.stop()
    sim.stop()


def test_a_port_that_is_taken_is_an_os_error(sim: Simulator) -> None:
    port = int(sim.plank.url.rpartition(":")[2])
    sim.plank.stop()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        sim.plank.start()


def test_a_fault_of_no_known_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        Fault("cutt")


def test_settings_name_the_store_and_the_address(sim: Simulator) -> None:
    services = (sim.realdebrid, sim.alldebrid, sim.torz, sim.magnets, sim.plank)
    stores = [service.settings["store"] for service in services]
    assert stores == ["realdebrid", "alldebrid", "stremthru", "stremthru", "plank"]
    assert all(service.settings["url"] == service.url for service in services)


def test_magnets_are_added_changed_and_removed(sim: Simulator) -> None:
    one = sim.realdebrid.add(SINTEL)
    other = sim.realdebrid.add(SimMagnet("Debian"))
    sim.realdebrid.change(one, status="failed")
    assert [(key, m.status) for key, m in sim.realdebrid.library] == [
        (other, "ready"), (one, "failed")
    ]  # fmt: skip
    sim.realdebrid.remove(other)
    assert [key for key, _ in sim.realdebrid.library] == [one]


def test_downloads_are_what_should_be_readable(sim: Simulator) -> None:
    file, sample = SimFile("a.mkv", Content.of(b"a")), SimFile("b", Content.of(b""), selected=False)
    for account in (sim.realdebrid, sim.torz):
        magnet = account.add(SimMagnet("x", [file, sample]))
        assert account.downloads(magnet) == [("a.mkv", file)]
        account.change(magnet, status="downloading")
        assert account.downloads(magnet) == []


def test_a_reset_comes_before_the_answer(sim: Simulator) -> None:
    sim.realdebrid.faults.add(Fault("reset"))
    with pytest.raises(OSError, match="reset"):
        real_debrid(sim).get("/user")


def test_a_hanging_answer_ends_without_a_byte(sim: Simulator) -> None:
    sim.realdebrid.faults.add(Fault("hang", seconds=0.02))
    with pytest.raises(OSError, match="without response"):
        real_debrid(sim).get("/user")


def test_every_account_of_the_demo_has_something_ready(tmp_path: Path) -> None:
    sim = Simulator.demo(tmp_path)
    for account in (sim.realdebrid, sim.alldebrid, sim.torz, sim.magnets, sim.plank):
        assert any(account.downloads(key) for key, _ in account.library)


def test_without_ffmpeg_the_shipped_videos_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    videos = films.videos(tmp_path / "media")
    assert [video.size > 10_000 for video in videos.values()] == [True] * 3


def test_a_link_can_be_read_from_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Simulator.demo(tmp_path / "media") as sim:
        magnet = next(key for key, m in sim.realdebrid.library if m.name == "Sintel.2010.mp4")
        ((_, file),) = sim.realdebrid.downloads(magnet)
        link = real_debrid(sim).get(f"/torrents/info/{magnet}").json()["links"][0]
        made = real_debrid(sim).post("/unrestrict/link", link=link).json()
        assert host(sim)("GET", made["download"]).content == file.content.read(0, file.size)
