"""Real clients that drop torrent files and magnet links: each is added once."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from webdav3.client import Client

from davstore.simulator import Content, SimFile, SimMagnet, Simulator
from tests.clients.conftest import PASSWORD, USER, Rclone, run
from tests.serving import Serving, serving, wait_until
from tests.torrents import link, torrent

pytestmark = pytest.mark.client

Need = Callable[..., None]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def served(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("state")
    with serving(
        sim, folder, accounts=("alldebrid", "torz"), user=USER, password=PASSWORD,
        changes={"alldebrid": {"delete": True}},
    ) as s:  # fmt: skip
        yield s


@pytest.fixture(scope="module")
def dav(served: Serving, need: Need, tmp_path_factory: pytest.TempPathFactory) -> Rclone:
    need("rclone")
    call = Rclone(str(tmp_path_factory.mktemp("rclone") / "rclone.conf"))
    login = [f"user={USER}", f"pass={PASSWORD}", "--obscure"]
    call("config", "create", "dav", "webdav", f"url={served.url}", "vendor=other", *login)
    return call


@pytest.fixture
def dropped(sim: Simulator, tmp_path: Path) -> Iterator[Path]:
    """A torrent file to drop; afterwards it has been added, once."""
    data, hash_ = torrent(f"Film of {tmp_path.name}.mkv")
    file = tmp_path / "a film.torrent"
    file.write_bytes(data)
    yield file
    wait_until(lambda: hash_ in sim.alldebrid.taken)
    assert sim.alldebrid.taken.count(hash_) == 1


HOME = "dav:alldebrid/incoming"


def test_rclone_copies_a_torrent_file(dav: Rclone, dropped: Path) -> None:
    for _ in range(2):
        dav("copy", str(dropped), HOME, "--retries", "1", "--ignore-times")
    dav("check", "--one-way", "--download", str(dropped.parent), HOME)


def test_rclone_is_told_of_a_refusal(dav: Rclone, tmp_path: Path) -> None:
    file = tmp_path / "wrong.torrent"
    file.write_bytes(b"no torrent")
    done = subprocess.run(
        dav.command("copy", str(file), HOME, "--retries", "1"), capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "422" in done.stderr
    assert "wrong.torrent" not in dav("lsf", HOME)


@pytest.mark.parametrize("cache", ["off", "writes", "full"])
def test_a_torrent_file_is_copied_into_a_mount(
    dav: Rclone, dropped: Path, need: Need, tmp_path: Path, cache: str
) -> None:
    need("rclone", "fusermount3")
    if not Path("/dev/fuse").exists():
        need("/dev/fuse")
    folder = tmp_path / "mount"
    folder.mkdir()
    cached = [
        "--vfs-cache-mode",
        cache,
        "--vfs-write-back",
        "0",
        "--cache-dir",
        str(tmp_path / "c"),
    ]
    process = subprocess.Popen(dav.command("mount", "dav:", str(folder), *cached))
    try:
        wait_until(folder.is_mount)
        target = folder / "alldebrid" / "incoming" / f"{cache}.torrent"
        run("cp", str(dropped), str(target))
        assert target.read_bytes() == dropped.read_bytes()
    finally:
        subprocess.run(["fusermount3", "-u", str(folder)], check=False)
        process.wait(20)


def cadaver(served: Serving, home: Path, *commands: str) -> str:
    netrc = home / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    said = subprocess.run(
        ["cadaver", served.url], text=True, capture_output=True, timeout=60, cwd=home,
        input="\n".join([*commands, "quit\n"]), env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    ).stdout  # fmt: skip
    assert "failed" not in said, said
    return said


def test_cadaver_puts_a_torrent_file(served: Serving, dropped: Path, need: Need) -> None:
    need("cadaver")
    said = cadaver(
        served, dropped.parent,
        "cd alldebrid/incoming", 'put "a film.torrent" cadaver.torrent', "ls",
    )  # fmt: skip
    assert "cadaver.torrent" in said


@pytest.mark.parametrize("verb", ["copy", "move"])
def test_cadaver_adds_what_was_found(
    served: Serving, sim: Simulator, tmp_path: Path, need: Need, verb: str
) -> None:
    need("cadaver")
    magnet = SimMagnet(f"Sintel {verb}", [SimFile("a.mkv", Content.random("s", 500))])
    hash_ = sim.torz.torznab.index(magnet)
    place = f"torz/search/sintel {verb}"
    cadaver(
        served, tmp_path, f'mkcol "{place}"', f'ls "{place}"',
        f'{verb} "{place}/Sintel {verb}.magnet" "alldebrid/incoming/{verb}.magnet"',
    )  # fmt: skip
    wait_until(lambda: hash_ in sim.alldebrid.taken)


def test_rclone_drops_a_list_of_links_and_deletes_one(
    dav: Rclone, sim: Simulator, tmp_path: Path
) -> None:
    files = [SimFile(f"{word}.iso", Content.random(word, 70_000)) for word in ("arch", "debian")]
    text = tmp_path / "links.txt"
    text.write_text("\n".join(sim.alldebrid.hosters.put(file) for file in files))
    dav("copy", str(text), HOME)
    links = "dav:alldebrid/links"
    wait_until(lambda: dav("lsf", links).split() == ["arch.iso", "debian.iso"])
    assert dav("cat", f"{links}/arch.iso", "--count", "0") == ""
    dav("deletefile", f"{links}/arch.iso")
    assert dav("lsf", links).split() == ["debian.iso"]
    assert [row["link"].rpartition("/")[2] for row in sim.alldebrid.desk.saved] == ["debian.iso"]


def test_curl_puts_a_magnet_link(served: Serving, sim: Simulator, need: Need) -> None:
    need("curl")
    place = f"{served.url}alldebrid/incoming/sintel.magnet"
    command = ["curl", "-sSf", "-u", f"{USER}:{PASSWORD}", "-T", "-", place]  # chunked
    subprocess.run(command, input=link("d" * 40), text=True, check=True, timeout=30)
    wait_until(lambda: "d" * 40 in sim.alldebrid.taken)


def test_webdavclient3_uploads_a_torrent_file(served: Serving, dropped: Path) -> None:
    client = Client(
        {
            "webdav_hostname": f"{served.url}alldebrid/incoming/",
            "webdav_login": USER,
            "webdav_password": PASSWORD,
        }
    )
    client.upload_sync("w.torrent", str(dropped))
    assert client.check("w.torrent")
    assert client.info("w.torrent")["size"] == str(dropped.stat().st_size)
