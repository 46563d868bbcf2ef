"""aria2, davix, GNOME's gio and rclone bisync: what else people have on their machines."""

import base64
import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.clients.conftest import PASSWORD, USER, Rclone, run
from tests.serving import Serving, serving

pytestmark = pytest.mark.client

Need = Callable[..., None]
FILM = Content.random("a long film", 9_000_000)
ODD = "a ? film #1 100% é"


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.torz.add(SimMagnet(ODD, [SimFile("film.mkv", FILM)]))
        yield simulator


@pytest.fixture(scope="module")
def served(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("state")
    shares = {"scratch": {"kind": "scratch", "path": str(folder / "scratch")}}
    with serving(sim, folder, accounts=("torz",), shares=shares, user=USER, password=PASSWORD) as s:
        yield s


def place(served: Serving) -> str:
    return f"{served.url}torz/magnets/a%20%3F%20film%20%231%20100%25%20%C3%A9/film.mkv"


@pytest.mark.parametrize("begun", [0, 4_000_000])
def test_aria2_fetches_by_four_connections_and_goes_on(
    served: Serving, need: Need, tmp_path: Path, begun: int
) -> None:
    need("aria2c")
    whole = FILM.read(0, FILM.size)
    if begun:
        (tmp_path / "film.mkv").write_bytes(whole[:begun])
    run("aria2c", "-q", "-c", "-x4", "-s4", "-k1M", "--no-netrc=true", "--file-allocation=none",
        f"--http-user={USER}", f"--http-passwd={PASSWORD}", "-d", str(tmp_path), "-o", "film.mkv",
        place(served))  # fmt: skip
    assert (tmp_path / "film.mkv").read_bytes() == whole


def test_davix_lists_reads_and_writes(served: Serving, need: Need, tmp_path: Path) -> None:
    """Since 0.8.0 it answers no 401, whoever sends it (its issue 81): it is told what to send."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def davix(tool: str, *words: str) -> str:
        need(f"davix-{tool}")
        return run(f"davix-{tool}", "-H", f"Authorization: Basic {login}", *words)

    assert "film.mkv" in davix("ls", place(served).rpartition("/")[0])
    davix("get", place(served), str(tmp_path / "film.mkv"))
    assert (tmp_path / "film.mkv").read_bytes() == FILM.read(0, FILM.size)
    (tmp_path / "a.srt").write_text("text")
    scratch = f"{served.url}scratch"
    davix("mkdir", f"{scratch}/davix")
    davix("put", str(tmp_path / "a.srt"), f"{scratch}/davix/a.srt")
    with contextlib.suppress(AssertionError):  # it ends with 255 also after a 201
        davix("mv", f"{scratch}/davix/a.srt", f"{scratch}/davix/b.srt")
    assert davix("ls", f"{scratch}/davix").split() == ["b.srt"]
    davix("rm", f"{scratch}/davix/b.srt")
    assert served.get("/scratch/davix/b.srt").status_code == 404


GIO = """
set -e
printf '%s\\n' "$PASSWORD" | gio mount "$ROOT" >/dev/null
gio list "$ROOT/torz/magnets"
gio info "$FILM" | grep standard::size
gio copy "$FILM" film.mkv
printf text > a.srt
gio mkdir "$ROOT/scratch/gio"
gio copy a.srt "$ROOT/scratch/gio/a.srt"
gio rename "$ROOT/scratch/gio/a.srt" "b # c.srt"
gio list "$ROOT/scratch/gio"
gio remove "$ROOT/scratch/gio/b%20%23%20c.srt" "$ROOT/scratch/gio"
gio mount -u "$ROOT"
"""


def test_gio_mounts_with_a_login_reads_and_writes(
    served: Serving, need: Need, tmp_path: Path
) -> None:
    need("gio", "dbus-run-session")
    if not Path("/usr/lib/gvfs/gvfsd-dav").exists() and not Path("/usr/libexec/gvfsd-dav").exists():
        need("gvfsd-dav")
    address = urlsplit(served.url)
    root = f"dav://{USER}@{address.hostname}:{address.port}"
    film = root + place(served).removeprefix(served.url.rstrip("/"))
    known = {"PASSWORD": PASSWORD, "ROOT": root, "FILM": film}
    homes = {key: str(tmp_path) for key in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")}
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", GIO], cwd=tmp_path, text=True,
        capture_output=True, timeout=60, env={**os.environ, **homes, **known},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ODD in done.stdout
    assert f"standard::size: {FILM.size}" in done.stdout
    assert "b # c.srt" in done.stdout
    assert (tmp_path / "film.mkv").read_bytes() == FILM.read(0, FILM.size)
    assert served.get("/scratch/gio/").status_code == 404


def test_rclone_bisync_keeps_a_share_and_a_folder_alike(
    served: Serving, need: Need, tmp_path: Path
) -> None:
    need("rclone")
    call = Rclone(str(tmp_path / "rclone.conf"))
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    url = f"url={served.url}scratch/"
    call("config", "create", "dav", "webdav", url, "vendor=owncloud", *login)
    here = tmp_path / "here"
    here.mkdir()
    (here / "RCLONE_TEST").write_text("")
    call("mkdir", "dav:both")
    (here / "a.srt").write_text("one")
    sync = ["bisync", str(here), "dav:both", "--workdir", str(tmp_path / "work"), "--size-only"]
    call(*sync, "--resync")
    served.request("PUT", "/scratch/both/b ? c.srt".replace("?", "%3F"), data=b"there")
    (here / "a.srt").write_text("changed")
    call(*sync[:-1])
    assert (here / "b ? c.srt").read_bytes() == b"there"
    assert served.get("/scratch/both/a.srt").content == b"changed"
    served.request("DELETE", "/scratch/both/b%20%3F%20c.srt")
    call(*sync[:-1])
    assert not (here / "b ? c.srt").exists()
